"""Whether the jobs of an array are still Slurm's: submitit itself asks sacct alone, which many clusters do not have."""

from __future__ import annotations

import time
from pathlib import Path

from callsheet.disk.inside import Inside
from callsheet.distributed.slurm import GONE, JobStates
from callsheet.experiments.places import LOGS

FOLDER = f"{LOGS}/launcher/.submitit"  # where submitit has a folder for each job, which is named after it
LOOK_SECONDS = 10.0
OVER = (GONE, "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT")


class ArrayJobs:
    """The jobs that are submitted from now on for the experiment at `root`."""

    def __init__(self, root: Path) -> None:
        self.inside = Inside(root)
        self._before = self._jobs()
        self._looked = time.monotonic()

    def are_gone(self) -> bool:
        """Whether there were jobs, and Slurm has none of them any more; asks it every few seconds at most."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        jobs, state_of = self._jobs() - self._before, JobStates()
        return bool(jobs) and all(state_of(job)[0] in OVER for job in jobs)

    def _jobs(self) -> set[str]:
        """The numbers of jobs; those of one array have the same."""
        numbers = (name.partition("_")[0] for name in self.inside.names(FOLDER))
        return {number for number in numbers if number.isdecimal()}
