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
    "test_third_party",
    "plugins/hub_revisions/test_training",
    "core/loop/resuming/test_equality",
    "plugins/bema/test_engines",
    "plugins/ref_sync/test_plugin",
    "plugins/hub_revisions/hubs/test_huggingface",
    "core/launch/test_trainer_launches",
    "core/cli/test_main",
    "core/outbox/supervisor/test_supervisor",
    "core/data/test_streaming",
    "plugins/benchmarks/engines/test_lm_eval",
    "test_runs_of_0_1_0",
    "core/process/test_signals",
    "plugins/benchmarks/dispatch/local/test_dispatcher",
    "plugins/benchmarks/dispatch/slurm/test_watch",
    "core/distributed/test_slurm_training",
    "core/trainer/test_build",
    "core/process/test_exit",
    "core/cli/test_sweeps",
    "core/run/test_script",
]


def place(file: Path) -> int:
    """Where a file stands in the order; those that are not named here come last, as pytest found them."""
    name = file.with_suffix("").as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)
