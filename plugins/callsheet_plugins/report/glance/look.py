"""One run at a glance: its record, its state, and the ends of its logs, each read when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from callsheet.disk.os_errors import said
from callsheet.disk.regular import shown
from callsheet.distributed.slurm import JobStates
from callsheet.errors import CallsheetError
from callsheet.rundir.rundir import EVALS, METRICS, RUN, RunDir, require_run
from callsheet.session.status import WRITTEN, last_step, state_of
from callsheet_plugins.report.glance.metrics import Logged, Value, goes_by
from callsheet_plugins.report.glance.scores import last_scores
from callsheet_plugins.report.glance.sizes import Size, size_of
from callsheet_plugins.report.glance.tails import TAIL, tail_of, why_closed
from callsheet_plugins.report.reading.records import UNREADABLE, steps_of
from callsheet_plugins.report.reading.scores import Score
from callsheet_plugins.report.telling.times import seconds_of

MOST_BYTES = 1 << 26  # of all logs of metrics together, and of one of them its last TAIL bytes at least
MOST_FILES = 50_000  # of all runs together, that are looked at for their sizes
FEWEST_FILES = 300


@dataclass(frozen=True)
class Glance:
    """A run in `path`. `state` and `why` are those of `Status`, or `UNREADABLE` with what is wrong.

    `shares` is how many runs are looked at: of each, so much is read that all of them take a second.
    """

    path: Path
    label: str
    state: str
    why: str
    run: Mapping[str, Any] = field(default_factory=dict, repr=False)
    shares: int = 1

    @classmethod
    def of(cls, path: Path, state: str, why: str, shares: int = 1) -> Glance:
        """A run whose state is known. Raises `CallsheetError` where its record cannot be read."""
        return cls(path, path.name, state, why, RunDir(path, is_main=False).run(), shares)

    @property
    def most_bytes(self) -> int:
        """So much of its log of metrics is read, from its end."""
        return max(TAIL, MOST_BYTES // self.shares)

    @cached_property
    def logged(self) -> Logged:
        return Logged(tail_of(self.path / METRICS, self.most_bytes))

    @cached_property
    def metric(self) -> str:
        """The name of the metric by which it is judged, or an empty text."""
        return goes_by(self.run, self.logged)

    def best(self, name: str, greater: bool) -> Value | None:
        """The best value of a metric, which is looked for once."""
        known = self._best
        if (name, greater) not in known:
            known[name, greater] = self.logged.best(name, greater)
        return known[name, greater]

    @cached_property
    def _best(self) -> dict[tuple[str, bool], Value | None]:
        return {}

    @cached_property
    def scores(self) -> dict[str, Score]:
        return last_scores(self.path)

    @cached_property
    def step(self) -> int | None:
        return last_step(self.path, self.run) if self.run else None

    @property
    def steps(self) -> int | None:
        return steps_of(self.run)

    @cached_property
    def size(self) -> Size:
        return size_of(self.path, max(FEWEST_FILES, MOST_FILES // self.shares))

    @property
    def config(self) -> Mapping[str, Any]:
        return self.run.get("config") or {}

    def setting(self, name: str, otherwise: Any = None) -> Any:
        """A setting by its dotted name."""
        found: Any = self.config
        for part in name.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return otherwise
            found = found[part]
        return found

    @property
    def arm(self) -> Mapping[str, Any]:
        """Its place in an experiment, empty where it has none."""
        return self.run.get("arm") or {}

    @property
    def started(self) -> float | None:
        """When its first attempt began, in seconds since 1970."""
        return seconds_of(self.run.get("started"))

    @property
    def ended(self) -> float | None:
        return seconds_of(self.run.get("ended"))

    @cached_property
    def written(self) -> float | None:
        """The time of its last sign of life."""
        return max(filter(None, (_changed(self.path / name) for name in WRITTEN)), default=None)


@dataclass(frozen=True)
class Looked:
    """What was looked at: the runs, and a sentence for each that this user may not read, or that went meanwhile."""

    glances: Sequence[Glance]
    left_out: Sequence[str]


def look_at(runs: Mapping[Path, str], jobs: JobStates | None = None) -> Looked:
    """Look at runs, which have labels; changes nothing. None of them raises."""
    jobs = jobs or JobStates()
    glances, left_out = list[Glance](), list[str]()
    for path, label in runs.items():
        try:
            glances.append(_look(path, label, jobs, len(runs)))
        except CallsheetError as error:
            left_out.append(str(error))
        except OSError as error:
            left_out.append(said(error, path))
    return Looked(glances, left_out)


def _look(path: Path, label: str, jobs: JobStates, shares: int) -> Glance:
    """Raises `CallsheetError` for a run that is gone, or closed to this user."""
    require_run(path)
    try:
        run = RunDir(path, is_main=False).run()
        if not run:
            raise CallsheetError(f"{path} went away while it was looked at.")
        state, why = state_of(path, run, jobs)
    except CallsheetError as error:
        if isinstance(error.__cause__, PermissionError) or not (path / RUN).exists():
            raise
        why = str(error).replace(f"{shown(path)}/", "").replace(f"{shown(path)} ", "it ")
        return Glance(path, label, UNREADABLE, why, shares=shares)
    return Glance(path, label, state, why, run, shares)


def closed(glances: Iterable[Glance]) -> list[str]:
    """A sentence for each log of them that is there and cannot be read, so that its metrics or scores are missing."""
    files = (glance.path / name for glance in glances for name in (METRICS, EVALS))
    return [why for file in files if (why := why_closed(file))]


def usual_metric(glances: Iterable[Glance]) -> str:
    """The metric by which most of them are judged; the first of several."""
    counts: dict[str, int] = {}
    for glance in glances:
        if glance.metric:
            counts[glance.metric] = counts.get(glance.metric, 0) + 1
    return max(counts, key=lambda name: counts[name], default="")


def _changed(path: Path) -> float | None:
    try:
        return path.stat(follow_symlinks=False).st_mtime
    except OSError:
        return None
