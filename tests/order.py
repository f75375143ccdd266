"""In which order the files of tests begin: the longest before all others.

What a file shares keeps it in one process, and no process should begin a long file when the others are done. To see how
long they take on your machine: `python -m pytest --durations=0`.
"""

from __future__ import annotations

from pathlib import Path

# By the seconds of the processor and those of waiting; those that take less than ten seconds need no place.
LONGEST = [
    "test_damage",
    "core/launch/test_launcher",
    "core/launch/test_trainer_launches",
    "plugins/test_observing",
    "plugins/hub_revisions/test_training",
    "plugins/hub_revisions/hubs/test_huggingface",
    "core/distributed/test_two_nodes",
    "core/loop/resuming/test_equality",
    "plugins/bema/test_engines",
    "test_third_party",
    "plugins/ref_sync/test_plugin",
    "core/outbox/supervisor/test_supervisor",
    "core/cli/test_main",
    "core/outbox/test_training",
    "core/experiments/workers/test_hydra_launchers",
    "core/distributed/test_slurm_training",
    "plugins/benchmarks/engines/test_lm_eval",
    "plugins/benchmarks/dispatch/slurm/test_watch",
    "core/experiments/driver/test_kills",
    "core/data/test_streaming",
    "plugins/benchmarks/dispatch/local/test_dispatcher",
    "plugins/benchmarks/reading/test_hostile",
    "plugins/report/commands/test_status",
    "test_runs_of_0_1_0",
    "core/process/test_signals",
    "core/distributed/test_collectives",
    "plugins/benchmarks/dispatch/slurm/test_dispatcher",
    "core/trainer/test_build",
    "core/process/test_exit",
    "core/cli/test_sweeps",
    "core/experiments/driver/test_experiment",
    "core/experiments/driver/test_slurm",
    "core/cli/test_absurd_input",
    "core/run/test_script",
]


def place(file: Path) -> int:
    """Where a file stands in the order; those that are not named here come last, as pytest found them."""
    name = file.with_suffix("").as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)
