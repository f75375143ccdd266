"""What state a run is in, why, and what command goes on: its files, and its lock for what they cannot know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.disk import typed
from callsheet.disk.regular import open_regular
from callsheet.disk.standing import short
from callsheet.disk.typed import Malformed
from callsheet.distributed import slurm
from callsheet.errors import CallsheetError, sentences
from callsheet.outbox.counts import counts_of, unpublished
from callsheet.outbox.courier.lock import FLOCK
from callsheet.rundir import checkpoints, liveness
from callsheet.rundir.again import reuse
from callsheet.rundir.again.reuse import OVER
from callsheet.rundir.attempts import KILLED, UNSAID
from callsheet.rundir.fields import MetricRow
from callsheet.rundir.liveness import Liveness
from callsheet.rundir.locks import is_held
from callsheet.rundir.rundir import CHECKPOINTS, EVENTS, METRICS, RUN, TRAINING, RunDir, require_run
from callsheet.rundir.rundir import WAITING as WAITS
from callsheet.session import going_on
from callsheet.tracking.cursor import ids_of

# The states that are not a status of run.json. "dead" is a run that ended without a word, "unknown" one that may have.
ALIVE, WAITING, DEAD, UNKNOWN = "alive", "waiting", "dead", "unknown"
ENDED = (*OVER, "interrupted", "failed", DEAD)
WRITTEN = (METRICS, EVENTS, CHECKPOINTS, RUN)
TAIL_BYTES = 1 << 16
TRIED = 3  # checkpoints that are looked for by name


@dataclass(frozen=True)
class Status:
    """One look at a run.

    `state` is alive, waiting, dead, unknown, or how the run ended: completed, stopped, interrupted, failed. `steps` are
    those that training was to take, None if that is not known. `courier` says whether a process carries the outbox out,
    also after the run; None if nobody can tell. `tracked` says where each tracker shows the run. `commands` are for a
    shell, the first one first; `hint` says what no command does. `written` is the time of the last sign of life, in
    seconds since 1970.
    """

    run_dir: Path
    state: str
    why: str
    step: int | None
    steps: int | None
    checkpoint: str | None
    outbox: Mapping[str, int]
    courier: bool | None
    tracked: Mapping[str, str]
    commands: tuple[str, ...]
    hint: str
    written: float


def status_of(run_dir: Path, jobs: slurm.JobStates | None = None) -> Status:
    """Look at the run in `run_dir`, which may be at work; changes nothing. Raises `CallsheetError` if there is none.

    Who looks at many runs gives the same `jobs` to each, so that Slurm is not asked a thousand times.
    """
    require_run(run_dir)
    folder = RunDir(run_dir, is_main=False)
    run, alive = folder.run(), liveness.look(folder.path)
    counts = counts_of(folder.path)
    state, why = _state(run, alive, lambda: counts, jobs or slurm.JobStates())
    checkpoint = _last_complete(folder)
    lost = "" if checkpoint else going_on.past_resuming(folder, run)
    commands = tuple(_commands(folder.path, run, state, counts, lost))
    return Status(
        run_dir=folder.path,
        state=state,
        why=why,
        step=last_step(folder.path, run),
        steps=run.get("max_steps"),
        checkpoint=checkpoint,
        outbox=counts,
        courier=is_held(folder.path / "outbox" / FLOCK),
        tracked=dict(_tracked(folder.path)),
        commands=commands,
        hint=_hint(folder.path, run, state, alive, lost),
        written=max((path.stat().st_mtime for name in WRITTEN if (path := folder.path / name).exists()), default=0.0),
    )


def state_of(run_dir: Path, run: Mapping[str, Any], jobs: slurm.JobStates | None = None) -> tuple[str, str]:
    """The `state` and `why` of `Status` alone, for who looks at a thousand runs; `run` is what run.json says."""
    return _state(run, liveness.look(run_dir), lambda: counts_of(run_dir), jobs or slurm.JobStates())


def where_it_lies(run_dir: Path, attempts: int, *, by_mistake: bool = False) -> str:
    """Where a run lies that just failed or was stopped, and what goes on; empty if it had not begun.

    `attempts` is how many run.json listed before. After a user's mistake the same command would fail again.
    """
    try:
        if attempts_of(run_dir) <= attempts:
            return ""
        found = status_of(run_dir)
    except (OSError, CallsheetError):  # nothing may hide why the run failed
        return ""
    place = f"The run lies in {short(found.run_dir)}."
    if by_mistake or not found.commands:
        ended = not by_mistake and found.state in ENDED and found.state not in OVER
        return sentences(place, found.hint if ended else _took_no_step(found.run_dir))
    begin = f"To go on from {found.checkpoint}" if found.checkpoint else "No checkpoint is complete. To begin again"
    return sentences(place, f"{begin}: {found.commands[0]}")


def attempts_of(run_dir: Path) -> int:
    """How often the run in `run_dir` was started; 0 where there is none."""
    return len(RunDir(run_dir, is_main=False).run().get("attempts", ()))


def _state(
    run: Mapping[str, Any], alive: Liveness, counts: Callable[[], dict[str, int]], jobs: slurm.JobStates
) -> tuple[str, str]:
    said = str(run.get("status", ""))
    if alive.alive:
        if alive.holder and alive.holder.doing not in (TRAINING, WAITS):
            return WAITING, f"it is {said}, and {alive.holder} is {alive.holder.doing}"
        if said != "running":
            return WAITING, f"it is {said}, and waits for its outbox: {unpublished(counts())} left; {alive.why}"
        return ALIVE, alive.why
    if said not in ("running", KILLED):
        return said or UNKNOWN, _why(run)
    if alive.alive is None:
        return _by_slurm(jobs, run, (UNKNOWN, f"{alive.why}."))
    known = f"{UNSAID} ({alive.why[:1].upper()}{alive.why[1:]}.)"
    return _by_slurm(jobs, run, (DEAD, known if said == "running" else UNSAID))


def _by_slurm(jobs: slurm.JobStates, run: Mapping[str, Any], otherwise: tuple[str, str]) -> tuple[str, str]:
    """The same, if Slurm started the run and knows better: its job may wait to begin again, or be gone."""
    job = str((run.get("attempts") or [{}])[-1].get("slurm_job", ""))
    state, reason = jobs(job) if job.isdigit() else ("", "")
    if state == "PENDING":
        return WAITING, f"its Slurm job {job} waits to begin again{f' ({reason})' if reason else ''}"
    if state == slurm.GONE and otherwise[0] == UNKNOWN:
        return DEAD, f"{UNSAID} (Its Slurm job {job} is over.)"
    if state and state != slurm.GONE:
        return otherwise[0], f"{otherwise[1]} Its Slurm job {job} is {state}."
    return otherwise


def _why(run: Mapping[str, Any]) -> str:
    """Why a run ended as it did, in words."""
    outcome = run.get("outcome") or {}
    if said := outcome.get("stopped_by") or outcome.get("error"):
        return f"a plugin stopped it: {said}" if outcome.get("stopped_by") else str(said)
    if name := outcome.get("signal"):
        return f"stopped by {name}"
    return "it took all its steps" if run.get("status") == "completed" and "attempts" in run else ""


def _commands(run_dir: Path, run: Mapping[str, Any], state: str, counts: Mapping[str, int], lost: str) -> Iterator[str]:
    """What goes on with a run that nobody works on; `lost` says why it cannot be resumed."""
    if state in (ALIVE, WAITING, UNKNOWN):
        return
    if state not in OVER and not lost and (command := going_on.command(run_dir, run)):
        yield command
    if counts.get("failed") or counts.get("aside"):
        yield going_on.shell("callsheet", "outbox", short(run_dir))
    if any(map(counts.get, ("left", "parked", "unannounced"))):
        yield going_on.shell("callsheet", "outbox", "drain", short(run_dir))


def _hint(run_dir: Path, run: Mapping[str, Any], state: str, alive: Liveness, lost: str) -> str:
    holder = alive.holder
    host = holder.host if holder else ""
    if state == ALIVE:
        there = f" on {host}" if host != os.uname().nodename else ""
        stop = f" To stop it after a checkpoint: kill -TERM {holder.pid}{there}" if holder else ""
        return f"Nothing to do.{stop}"
    if state == WAITING:
        return "Nothing to do but to wait."
    if state == UNKNOWN:
        return f"Ask on {host or 'its machine'}: {going_on.shell('callsheet', 'status', str(run_dir))}"
    if state in OVER:
        return "Nothing is left to do."
    if lost:
        return f"It cannot be resumed: {lost}"
    return sentences(_took_no_step(run_dir), going_on.hint(run_dir, run))


def _took_no_step(run_dir: Path) -> str:
    """What may be done with a run that failed before its first step, whose command would fail again."""
    if not reuse.failed_before_its_first_step(run_dir):
        return ""
    return f"It has taken no step, so a mended command may use its directory: output_dir={short(run_dir)}"


def _tracked(run_dir: Path) -> Iterator[tuple[str, str]]:
    """A web address, or a folder or what else leads there for a tracker without one; and the page of its project."""
    for tracker, ids in ids_of(run_dir).items():
        if folder := ids.get("logdir"):
            yield tracker, short(run_dir / folder)
        elif url := ids.get("url"):
            yield tracker, url
        elif where := ids.get("where"):
            yield tracker, where
        if page := ids.get("page"):
            yield f"{tracker} page", page


def _last_complete(folder: RunDir) -> str | None:
    """The newest checkpoint that a run resumes from, by the sizes of its files; older ones are not looked at."""
    there = sorted(folder.path.glob("checkpoint-*"), key=checkpoints.step_of, reverse=True)
    for path in there[:TRIED]:  # without the rows of ten thousand others
        row = checkpoints.manifest(folder, path.name).get(path.name)
        if row and row.path.is_dir() and not checkpoints.fault(row):
            return row.name
    if len(there) <= TRIED:
        return None
    rows = sorted(checkpoints.manifest(folder).values(), key=lambda row: row.step, reverse=True)
    return next((row.name for row in rows if row.path.is_dir() and not checkpoints.fault(row)), None)


def last_step(run_dir: Path, run: Mapping[str, Any]) -> int | None:
    """The last step that is known of: the end says it, and until then the metrics. `run` is what run.json says."""
    if run.get("status") == "running" or (run.get("outcome") or {}).get("step") is None:
        return _last_logged(run_dir / METRICS)
    return int(run["outcome"]["step"])


def _last_logged(path: Path) -> int | None:
    """The step of the last whole line of a log, read from its end."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(Malformed):
            return typed.parse(line, MetricRow, METRICS)["step"]
    return None
