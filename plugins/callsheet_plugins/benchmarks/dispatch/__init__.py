"""Where benchmark jobs run: on this machine, on Slurm, or wherever a script is taken to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet_plugins.benchmarks.dispatch.contract import Dispatcher


def dispatcher(running: Mapping[str, Any], run_dir: Path) -> Dispatcher:
    """The place that a job's payload names, for all jobs of one courier."""
    from callsheet_plugins.benchmarks.dispatch.local import Local

    return Local(run_dir, **{name: running["local"][name] for name in ("slots", "devices")})
