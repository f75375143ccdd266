"""Where benchmark jobs run: on this machine, on Slurm, or wherever a script is taken to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet_plugins.benchmarks.dispatch.contract import Dispatcher


def dispatcher(running: Mapping[str, Any], run_dir: Path) -> Dispatcher:
    """The place that a job's payload names, for all jobs of one courier."""
    if running["dispatch"] != "local":
        return _by_sbatch(running)
    from callsheet_plugins.benchmarks.dispatch.local.dispatcher import Local

    return Local(run_dir, **{name: running["local"][name] for name in ("slots", "devices")})


def _by_sbatch(running: Mapping[str, Any]) -> Dispatcher:
    from callsheet_plugins.benchmarks.dispatch.script.dispatcher import ScriptDispatcher
    from callsheet_plugins.benchmarks.dispatch.slurm.dispatcher import Slurm
    from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings

    settings = SlurmSettings(**running["slurm"])
    return Slurm(settings) if running["dispatch"] == "slurm" else ScriptDispatcher(settings)
