"""`dispatch=slurm`: one batch job for each attempt, submitted once, and watched through its own file and squeue."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from callsheet.outbox import Permanent, Transient
from callsheet_plugins.benchmarks.dispatch.contract import Attempt, Dispatcher, Seen, run_of
from callsheet_plugins.benchmarks.dispatch.slurm import commands, job_script
from callsheet_plugins.benchmarks.dispatch.slurm import settings as slurm_settings
from callsheet_plugins.benchmarks.dispatch.slurm.queue import Queue
from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings, options_of
from callsheet_plugins.benchmarks.dispatch.slurm.states import ACTIVE, WAITING
from callsheet_plugins.benchmarks.dispatch.slurm.submission import SUBMISSION, TAKEN, Submission, submission_of
from callsheet_plugins.benchmarks.dispatch.slurm.watch import Watch
from callsheet_plugins.benchmarks.dispatch.status import job_name, status_of

logger = logging.getLogger("callsheet.courier")

UNKNOWN = "unknown"  # in place of the number of a job that has begun and that Slurm forgot
LATE_SECONDS = 30.0  # for a request that sbatch sent, and never heard of again


class Slurm(Dispatcher):
    """The jobs of one courier. Nothing but the run directory and Slurm itself remembers them."""

    section = "slurm"

    def __init__(self, run_dir: Path, settings: Mapping[str, Any]) -> None:
        self.settings = SlurmSettings(**settings)
        self.queue = Queue(self.settings.timeout_seconds)
        self.watch = Watch(self.queue, self.settings.timeout_seconds, self.settings.grace_seconds)

    @classmethod
    def problems(cls, settings: Mapping[str, Any], run_dir: Path) -> Iterator[str]:
        return slurm_settings.problems(SlurmSettings(**settings), run_dir)

    def submit(self, attempt: Attempt) -> str:
        """The number of its job: of the one that there is already, or of a new one."""
        if id := self._begun_before(attempt):
            return id
        self.queue.insist_reachable()
        path = job_script.write(attempt.folder, self.settings)
        submission = Submission(job_name(attempt.name), str(attempt.folder), time.time())
        submission.write(attempt.folder)  # from now on there may be a job
        variables = (*attempt.variables, *self.settings.export.split(","))
        answer = commands.run([*self._sbatch(attempt), str(path)], self.settings.timeout_seconds, variables=variables)
        if answer.code == 0 and (found := re.search(r"^(\d+)(;|$)", answer.out, re.MULTILINE)):
            return _note(attempt, submission, found[1])
        refused = commands.refusal(answer)
        if isinstance(refused, Permanent):
            refused.remedy += " `callsheet bench RUN` tries again, with what you override."
        if isinstance(refused, Permanent) or answer.never_arrived:
            # There is no job that the next call would have to look for.
            run_of(attempt.folder).remove(attempt.folder / SUBMISSION)
        if answer.never_arrived:
            self.queue.missed(str(refused))
        raise refused

    def look(self, attempt: Attempt, handle: str) -> Seen:
        """Its own file tells most. Slurm is asked while that says nothing, and for why it was stopped."""
        status = status_of(attempt.folder)
        return Seen("ended") if status.ended_by_itself else self.watch.see(attempt, handle, status)

    def cancel(self, attempt: Attempt, handle: str) -> None:
        """End whatever runs under its name."""
        rows = self.queue.of(attempt, within=0)
        if ids := [row.id for row in rows if row.state in WAITING | ACTIVE]:
            commands.require(commands.run(["scancel", *ids], self.settings.timeout_seconds), "scancel")

    def _begun_before(self, attempt: Attempt) -> str:
        """The number of the job that an earlier call submitted, or nothing."""
        submission = submission_of(attempt.folder)
        if id := (submission and submission.id) or status_of(attempt.folder).job:
            return id
        if (attempt.folder / TAKEN).exists():
            return UNKNOWN
        if submission is None:
            return ""
        if rows := self.queue.of(attempt, within=0):
            logger.info("%s: job %s is there already.", attempt.name, rows[0].id)
            return _note(attempt, submission, rows[0].id)
        # Beyond that in either direction, somebody has set the clock.
        if abs(age := time.time() - submission.at) < LATE_SECONDS:
            raise Transient("A job may be on its way.", retry_after=LATE_SECONDS - age, counts=False)
        return ""

    def _sbatch(self, attempt: Attempt) -> list[str]:
        ours = [
            "--parsable",
            "--no-requeue",  # who tries again is the handler, in a folder of its own
            "--kill-on-invalid-dep=yes",
            f"--job-name={job_name(attempt.name)}",
            f"--chdir={attempt.folder}",
            *job_script.APPENDING,
            f"--export={self.settings.export}",
        ]
        return ["sbatch", *options_of(self.settings, attempt.gpus, attempt.seconds), *ours]


def _note(attempt: Attempt, submission: Submission, id: str) -> str:
    replace(submission, id=id).write(attempt.folder)
    return id
