"""Which process of how many this is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRIVER = "CALLSHEET_DRIVER"  # the process id of the driver that started this worker
ARM = "CALLSHEET_ARM"  # the file of this run in the queue of its experiment; once it is taken, JSON


@dataclass(frozen=True)
class World:
    """The place of this process among those that were started together."""

    rank: int = 0
    size: int = 1
    starter: str = ""

    @property
    def is_worker(self) -> bool:
        """Whether somebody started this process as one of several, be it Callsheet, torchrun or Slurm."""
        return bool(self.starter)

    @property
    def is_driven(self) -> bool:
        """Whether Callsheet's own driver started it, which has done the preflight and will do the talking."""
        return self.starter == "callsheet"

    @property
    def is_main(self) -> bool:
        return self.rank == 0


def world(environ: Mapping[str, str] = os.environ) -> World:
    """The world that the environment tells of; a lone process where it tells of none."""
    if "RANK" not in environ or "WORLD_SIZE" not in environ:
        return World()
    if DRIVER in environ:
        starter = "callsheet"
    elif "SLURM_PROCID" in environ and "TORCHELASTIC_RUN_ID" not in environ:
        starter = "srun"
    else:
        starter = "torchrun" if "TORCHELASTIC_RUN_ID" in environ else "the environment"
    return World(int(environ["RANK"]), int(environ["WORLD_SIZE"]), starter)


def take_arm() -> None:
    """Make the arm that a worker handed to this process that of this run and its ranks.

    What else the run starts inherits the variable, and finds in it another process than itself.
    """
    import json

    if os.path.isabs(handed := os.environ.get(ARM, "")):
        os.environ[ARM] = json.dumps({"process": os.getpid(), "file": handed})


def arm_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file of this run in the queue of its experiment; None for a plain run."""
    import json

    arm: dict[str, Any] = json.loads(found) if (found := environ.get(ARM, "")).startswith("{") else {}
    return Path(arm["file"]) if str(arm.get("process")) in (str(os.getpid()), environ.get(DRIVER)) else None
