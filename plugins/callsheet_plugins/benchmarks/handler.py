"""Carries a benchmark job out, in the courier: submit, look again later, read the results; a failed attempt is retried.

`deliver` never waits: it takes the next step that the files allow, and asks to be called again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError, sentences
from callsheet.outbox import Delivery, Handler, Outbox, Parked, Permanent, Transient
from callsheet.process.machine import cores
from callsheet.rundir.rundir import RunDir
from callsheet.secrets import redact_text, secret_variables
from callsheet_plugins.benchmarks import engines, jobs, payloads
from callsheet_plugins.benchmarks.definitions import JOB_SECONDS
from callsheet_plugins.benchmarks.dispatch import attempts
from callsheet_plugins.benchmarks.dispatch.attempts import Attempts
from callsheet_plugins.benchmarks.dispatch.choosing import dispatcher
from callsheet_plugins.benchmarks.dispatch.contract import LOG, OF_THE_HUB, Attempt, Dispatcher, Seen
from callsheet_plugins.benchmarks.dispatch.local import gpus
from callsheet_plugins.benchmarks.dispatch.slurm.settings import seconds_in
from callsheet_plugins.benchmarks.dispatch.slurm.submission import SUBMISSION, TAKEN
from callsheet_plugins.benchmarks.dispatch.status import Status, status_of
from callsheet_plugins.benchmarks.engines import Work
from callsheet_plugins.benchmarks.reading.child import PREDICTIONS, Answer
from callsheet_plugins.benchmarks.reading.patience import Patience
from callsheet_plugins.benchmarks.reading.process import Readings

FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.5, 30.0
QUEUE_SECONDS, LONGEST_QUEUE_SECONDS = 1.0, 60.0
OVERDUE_SECONDS = 600.0
NICE = 5
SAID = 400  # characters of the last line of a log
IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENOTEMPTY)
REMOVE = "Remove it, then `callsheet outbox retry RUN ID`."
AGAIN = "Install it again, then `callsheet outbox retry RUN ID`."


class BenchmarkHandler(Handler):
    """Entries of kind `benchmarks`; one at a time, each for a moment."""

    parallel = 1

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir)
        self._dispatchers: dict[str, Dispatcher] = {}
        self._told: dict[Path, str] = {}
        self._gpus_of: dict[str, int] = {}  # by entry
        self._runs_since: dict[Path, float] = {}
        self._readings = Readings()
        self._patience = Patience()

    def deliver(self, job: Delivery) -> Mapping[str, Any]:
        payloads.check(job.payload)
        if "benchmarks" in job.payload:
            return {"jobs": jobs.put_each(Outbox(self.run_dir), job.payload, job.files)}
        try:
            return self._patience.take(job.entry.id, f"Job {job.payload['name']}", partial(self._step, job))
        except OSError as error:
            if error.errno not in IN_THE_WAY:
                raise
            said = f"{error.filename or error} of job {job.payload['name']} is no regular file any more"
            raise Permanent(f"{said}: its engine has changed it.", REMOVE) from error

    def _step(self, job: Delivery) -> Mapping[str, Any]:
        tried = Attempts(self.run_dir, job.entry.id)
        folder = tried.current() or self._begin(job, tried)
        place, attempt = self._dispatcher(job), self._attempt(job, folder)
        handle = attempts.handle_of(folder)
        if handle is None:
            self._write_anew_where_moved(job, folder)
            handle = self._submit(job, place, attempt)
            raise Transient(f"{job.payload['name']} was submitted.", retry_after=FIRST_LOOK_SECONDS, counts=False)
        seen = place.look(attempt, handle)
        if seen.state == "running" and self._is_overdue(folder, _seconds(job)):
            seen = Seen("lost", "it took longer than it may, and its runner did not end it")
        if seen.state in ("waiting", "running"):
            self._tell(job, folder, seen.reason)
            raise Transient(f"{job.payload['name']} is {seen.state}.", retry_after=_patience(folder), counts=False)
        if seen.state == "left":
            raise Parked(sentences(tried.last_failure(), f"{job.payload['name']}: {seen.reason}"))
        status = status_of(folder)
        succeeded = seen.state == "ended" and status.state == "succeeded"
        if not succeeded:
            place.cancel(attempt, handle)  # what is lost may yet live: never two at once
        answer = self._readings.answer(self._work(job, folder), scored=succeeded)
        if answer.scores is not None:
            return self._result(job, folder, status, answer.scores)
        reason = _unread(answer) if succeeded else _ended_badly(seen, status)
        self._failed(job, tried, folder, reason)
        raise Transient(f"{job.payload['name']}: {reason}")

    def _is_overdue(self, folder: Path, seconds: float) -> bool:
        """Whether this courier has seen it run for longer than its runner lets it, which may hang as well."""
        since = self._runs_since.setdefault(folder, time.monotonic())
        return time.monotonic() - since > seconds + OVERDUE_SECONDS

    def _tell(self, job: Delivery, folder: Path, reason: str) -> None:
        """Write down what a job waits for, when that is news."""
        if reason and self._told.get(folder) != reason:
            self._told[folder] = reason
            RunDir(self.run_dir).event("benchmark_waits", id=job.entry.id, name=job.payload["name"], reason=reason)

    def _begin(self, job: Delivery, tried: Attempts) -> Path:
        """Write down what the next attempt runs; raises `Permanent` where there may be none."""
        if tried.failed() >= _allowed(job):  # by a courier that was killed then, or an engine wrote so
            raise Permanent(sentences(_given_up(job, tried), tried.last_failure()))
        return self._write(job, tried.begin())

    def _write_anew_where_moved(self, job: Delivery, folder: Path) -> None:
        """The paths in it are those of a run directory that has another path by now; unless somebody runs it."""
        begun = any((folder / name).exists() for name in (TAKEN, SUBMISSION))
        if not begun and attempts.command_of(folder).get("folder") != str(folder):
            self._write(job, folder)

    def _write(self, job: Delivery, folder: Path) -> Path:
        work = self._work(job, folder)
        engine = _engine(job)
        argv = engine.command(work)
        local = job.payload["running"].get("local") or {}
        env: dict[str, str | None] = {"PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
        # The courier has it, so that no file of the user's stands in for a module; a command may want just that.
        is_own = getattr(engine, "in_start_folder", False)
        env["PYTHONSAFEPATH"] = None if is_own else "1"
        if "local" in job.payload["running"]:
            threads = str(local.get("threads") or max(1, cores() // (int(local["slots"]) + 1)))
            env |= {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        attempts.write_command(folder, argv, env, job.payload["cwd"] if is_own else str(work.out), _seconds(job), NICE)
        return folder

    def _submit(self, job: Delivery, place: Dispatcher, attempt: Attempt) -> str:
        try:
            if "local" in job.payload["running"] and self._an_older_one_waits(job):
                raise Transient("An older job goes first.", retry_after=FIRST_LOOK_SECONDS, counts=False)
            handle = place.submit(attempt)
        except Transient as error:
            raise _after_those_before(job, error) from error
        try:
            attempts.note_handle(attempt.folder, handle)
        except ValueError as error:
            raise Permanent(f"{job.payload['name']} cannot be followed: {error}.") from error
        RunDir(self.run_dir).event("benchmark_submitted", id=job.entry.id, attempt=attempts.number(attempt.folder),
                                   where=job.payload["running"]["dispatch"], handle=handle)  # fmt: skip
        return handle

    def _an_older_one_waits(self, job: Delivery) -> bool:
        """Whether a job that was put earlier asks for a place within a second, too; few are looked at before one is."""
        soon = time.time() + 1.0
        older = (entry for entry in job.queued() if entry.put_at < job.entry.put_at)
        return any(
            entry.not_before <= soon
            and "name" in entry.payload
            and not entry.attempts
            and not Attempts(self.run_dir, entry.id).is_submitted()
            for entry in older
        )

    def _work(self, job: Delivery, folder: Path) -> Work:
        payload = job.payload
        snapshot = next(iter(job.files.values())).parent if job.files else None
        return Work(
            payload["name"],
            payloads.settings_of(payload),
            model=str(snapshot or payload["repo"]),
            revision=None if snapshot else payload["commit"],
            folder=folder,
            out=folder / "out",
            gpus=self._gpus(job),
            memory_share=(payload["running"].get("local") or {}).get("memory_share"),
        )

    def _attempt(self, job: Delivery, folder: Path) -> Attempt:
        run = hashlib.sha256(str(self.run_dir).encode()).hexdigest()[:8]
        name = f"callsheet-{run}-{job.entry.id}-{attempts.number(folder)}"
        own = getattr(_engine(job), "variables", lambda work: OF_THE_HUB)(self._work(job, folder))
        variables = (*own, *job.payload["settings"].get("variables", ()))
        return Attempt(folder, name, self._gpus(job), _seconds(job), variables)

    def _withheld(self, job: Delivery, folder: Path) -> str:
        """Which secrets it did not get: it may have failed for that."""
        withheld = sorted({*secret_variables(os.environ)} - {*self._attempt(job, folder).variables})
        names = ", ".join(withheld)
        return f"It did not get {names}, which `variables` of the benchmark can name" if names else ""

    def _gpus(self, job: Delivery) -> int:
        """As many as were asked for; on a cluster else those that the model needs."""
        payload = job.payload
        if "local" in payload["running"]:
            return _local_gpus(payload["running"]["local"])
        wanted = (payloads.settings_of(payload).gpus, (payload["running"].get("slurm") or {}).get("gpus"))
        if asked := [number for number in wanted if number is not None]:
            return int(asked[0])
        if job.entry.id not in self._gpus_of:
            snapshot = next(iter(job.files.values())).parent if job.files else None
            self._gpus_of[job.entry.id] = gpus.needed(snapshot, payload["repo"], payload["commit"])
        return self._gpus_of[job.entry.id]

    def _dispatcher(self, job: Delivery) -> Dispatcher:
        running = job.payload["running"]
        key = json.dumps(running, sort_keys=True)
        if key not in self._dispatchers:
            try:
                self._dispatchers[key] = dispatcher(running, self.run_dir)
            except CallsheetError as error:
                raise Permanent(str(error), AGAIN) from error
        return self._dispatchers[key]

    def _failed(self, job: Delivery, tried: Attempts, folder: Path, reason: str) -> None:
        """Record a failed attempt; raises `Permanent` after the last."""
        tried.fail(folder, reason)
        log, command = folder / LOG, attempts.command_of(folder).get("argv", [])
        last = redact_text(attempts.last_lines(folder))
        RunDir(self.run_dir).event("benchmark_failed", id=job.entry.id, name=job.payload["name"], reason=reason,
                                   attempt=attempts.number(folder), log=str(log), last_lines=last)  # fmt: skip
        if tried.failed() >= _allowed(job):
            said = f" It said last: {last.splitlines()[-1][:SAID]}" if last else ""
            raise Permanent(
                f"{_given_up(job, tried)}: {reason}{said}", f"Its command was {_shown(command)}; its log is {log}."
            )

    def _result(self, job: Delivery, folder: Path, status: Status, scores: Mapping[str, Any]) -> dict[str, Any]:
        payload = job.payload
        task = payloads.settings_of(payload).task
        tags = {"weights": payload["weights"], "engine": _engine_name(job), "branch": payload["branch"], "task": task}
        result = {
            "name": payload["name"],
            "metrics": scores["metrics"],
            "benchmark_id": payload["name"],  # several may have one task, with other settings
            "breakdowns": scores["breakdowns"],
            "tags": {name: value for name, value in tags.items() if value},
            "step": payload["step"],
            "commit": payload["commit"],
            "eval_seconds": round(status.ended_at - status.started_at, 3),
        }
        where = str((folder / PREDICTIONS).relative_to(self.run_dir)) if scores["predictions"] else None
        said = {"left_out": left_out} if (left_out := scores["left_out"]) else {}
        return {"evals": [{"result": result, "predictions": where, "step": payload["step"], **said}]}


def _seconds(job: Delivery) -> float:
    """How long it may take: as its settings say, or else Slurm's limit, which may be longer than ours."""
    slurm = job.payload["running"].get("slurm") or {}
    return payloads.settings_of(job.payload).seconds or seconds_in(str(slurm.get("time") or "")) or JOB_SECONDS


def _allowed(job: Delivery) -> int:
    return int(job.payload["running"]["attempts"])


def _given_up(job: Delivery, tried: Attempts) -> str:
    """That its last attempt failed; a retry counts anew."""
    failed = tried.failed()
    tried.give_up()
    times = "one attempt" if failed == 1 else f"{failed} attempts"
    return f"Benchmark {job.payload['name']!r} ({_engine_name(job)}) failed after {times}"


def _engine_name(job: Delivery) -> str:
    return payloads.settings_of(job.payload).engine


def _engine(job: Delivery) -> engines.Engine:
    """The engine of a job; the package that brought it may be gone by now."""
    try:
        return engines.engine(_engine_name(job))
    except CallsheetError as error:
        raise Permanent(str(error), AGAIN) from error


def _local_gpus(local: Mapping[str, Any]) -> int:
    devices, slots = local["devices"], int(local["slots"])
    return max(len(devices) // slots, 1) if devices else 0


def _patience(folder: Path) -> float:
    """The longer an attempt takes, the less often it is looked at."""
    age = time.time() - (folder / attempts.HANDLE).stat().st_mtime
    return min(max(age / 20, FIRST_LOOK_SECONDS), LONGEST_LOOK_SECONDS)


def _after_those_before(job: Delivery, error: Transient) -> Transient:
    """When there is no room, the oldest asks often and those behind it seldom: or a thousand would do nothing else."""
    if error.counts:
        return error
    before = sum(entry.put_at < job.entry.put_at for entry in job.queued())
    turn = before * QUEUE_SECONDS / int((job.payload["running"].get("local") or {}).get("slots", 1))
    wait = min(max(error.retry_after or 0.0, turn), LONGEST_QUEUE_SECONDS)
    return Transient(str(error), retry_after=wait, counts=False)


def _unread(answer: Answer) -> str:
    """Why an engine that ended well has no scores. Raises what may be different at another time."""
    if answer.missing:
        raise Permanent(answer.missing, AGAIN)
    if answer.errno:
        raise OSError(answer.errno, os.strerror(answer.errno))
    return f"it left no readable results: {answer.malformed}"


def _ended_badly(seen: Seen, status: Status) -> str:
    if seen.state == "ended":
        return _said(status)
    return f"it is gone: {(seen.reason or 'nobody knows why').rstrip('.')}."


def _said(status: Status) -> str:
    how = {"timed_out": "it took longer than it may", "terminated": "it was told to stop"}
    said = f"{how.get(status.state, 'it failed')} (exit code {status.exit_code})."
    return f"{said} {status.error}" if status.error else said


def _shown(argv: list[str], longest: int = 400) -> str:
    """A command as a shell would want it, shortened; for people, never for a shell."""
    import shlex

    said = shlex.join(argv)
    return said if len(said) <= longest else f"{said[:longest]}…"
