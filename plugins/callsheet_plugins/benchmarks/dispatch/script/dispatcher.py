"""`dispatch=script`: write the script of a job, and leave it to the user to run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet_plugins.benchmarks.dispatch.contract import Attempt, Dispatcher, Seen
from callsheet_plugins.benchmarks.dispatch.slurm import job_script
from callsheet_plugins.benchmarks.dispatch.slurm import settings as slurm_settings
from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings, options_of
from callsheet_plugins.benchmarks.dispatch.status import job_name, status_of


class ScriptDispatcher(Dispatcher):
    """Writes `job.sh`, which both `sbatch` and `bash` run; a score comes home when it was run.

    Such an attempt is `left` to the user: nobody may wait for it. The handler finishes its entry as soon as the script
    is written, and looks at it again whenever the outbox is drained.
    """

    section = "slurm"

    def __init__(self, run_dir: Path, settings: Mapping[str, Any]) -> None:
        self.settings = SlurmSettings(**settings)

    @classmethod
    def problems(cls, settings: Mapping[str, Any], run_dir: Path) -> Iterator[str]:
        return slurm_settings.problems(SlurmSettings(**settings), run_dir)

    def submit(self, attempt: Attempt) -> str:
        """Write the script; the handle is its path."""
        options = [
            f"--job-name={job_name(attempt.name)}",
            "--no-requeue",
            f"--chdir={attempt.folder}",
            *job_script.APPENDING,
        ]
        options += options_of(self.settings, attempt.gpus, attempt.seconds)
        return str(job_script.write(attempt.folder, self.settings, options))

    def look(self, attempt: Attempt, handle: str) -> Seen:
        """Left until somebody runs the script; from then on, what its runner wrote."""
        status = status_of(attempt.folder)
        if not status.state:
            return Seen("left", f"run it with sbatch or bash: {attempt.folder / job_script.SCRIPT}")
        return Seen("ended" if status.ended else "running")

    def cancel(self, attempt: Attempt, handle: str) -> None:
        """Whoever ran it ends it."""
