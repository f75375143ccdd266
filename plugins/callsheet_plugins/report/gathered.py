"""What is reported: the runs and experiments that some paths name, each part of a run read when it is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.disk.regular import shown
from callsheet.distributed.slurm import JobStates
from callsheet.errors import CallsheetError
from callsheet.experiments.results import summary
from callsheet.experiments.results.summary import Summary
from callsheet.rundir.rundir import EVENTS, METRICS, RunDir
from callsheet.session.status import UNKNOWN, Status, last_step, state_of, status_of
from callsheet_plugins.report.reading import attempts as starting
from callsheet_plugins.report.reading import checkpoints as saving
from callsheet_plugins.report.reading import completions as sampling
from callsheet_plugins.report.reading import metrics as curves
from callsheet_plugins.report.reading import scores as scoring
from callsheet_plugins.report.reading.attempts import Attempt
from callsheet_plugins.report.reading.checkpoints import Checkpoint
from callsheet_plugins.report.reading.completions import Completions
from callsheet_plugins.report.reading.discover import Found, discover
from callsheet_plugins.report.reading.lines import Log
from callsheet_plugins.report.reading.metrics import Series
from callsheet_plugins.report.reading.points import Reader
from callsheet_plugins.report.reading.records import UNREADABLE, steps_of
from callsheet_plugins.report.reading.scores import Score

MOST_EVENTS = 2_000
PUBLISHED = "report"  # the kind of the outbox entries that hold a page
MOST_BYTES = 64 << 20  # of events.jsonl


@dataclass(eq=False)
class RunData:
    """One run. Nothing raises for damage: what cannot be read is empty, and `faults` says it."""

    path: Path
    label: str
    in_several: bool = False  # whether runs of the report lie in several folders: methods may share names
    reader: Reader = field(default_factory=Reader, repr=False)  # of metrics; runs that are alike share one
    jobs: JobStates = field(default_factory=JobStates, repr=False)  # Slurm is asked once for all
    _said: dict[str, None] = field(default_factory=dict, repr=False)

    @property
    def inside(self) -> Inside:
        """Its files, reached through no link."""
        return Inside(self.path)

    @cached_property
    def record(self) -> dict[str, Any]:
        """`run.json`; empty where it cannot be read."""
        try:
            return self._run_dir.run()
        except CallsheetError as error:
            self.say(str(error))
            return {}

    @cached_property
    def config(self) -> dict[str, Any]:
        """The composed configuration, without secrets; by the copy in `run.json`, which is read faster."""
        if isinstance(copy := self.record.get("config"), dict):
            return copy
        try:
            return self._run_dir.config()
        except CallsheetError as error:
            if self.record:  # else that was said
                self.say(str(error))
            return {}

    @cached_property
    def status(self) -> Status:
        """All of `callsheet status`, which takes some time; of many runs, ask for `state`, `why` and `step` alone."""
        try:
            return status_of(self.path, self.jobs)
        except (CallsheetError, OSError, ValueError):  # `state` and `record` say why
            return Status(self.path, self.state, self.why, self.step, self.steps, None, {}, None, {}, (), "", 0.0)

    @property
    def state(self) -> str:
        """What state it is in: alive, waiting, dead, unknown, or how it ended."""
        return self._state_and_why[0]

    @property
    def why(self) -> str:
        """Why, in words."""
        return self._state_and_why[1]

    @cached_property
    def step(self) -> int | None:
        """The last step that is known of."""
        return last_step(self.path, self.record)

    @property
    def steps(self) -> int | None:
        """How many it was to take."""
        return steps_of(self.record)

    @cached_property
    def _state_and_why(self) -> tuple[str, str]:
        if not self.record:
            return UNREADABLE, next(iter(self._said), "")
        try:
            return state_of(self.path, self.record, self.jobs)
        except (CallsheetError, OSError, ValueError) as error:
            self.say(str(error))
            return UNKNOWN, str(error)

    @property
    def arm(self) -> Mapping[str, Any]:
        """Of a run of an experiment or a sweep, its `name`, `method`, `seed`, `stage`, and settings that differ."""
        return self.record.get("arm") or {}

    @property
    def method(self) -> str:
        """What is compared in its experiment; its label where it is in none."""
        return str(self.arm.get("method") or self.label)

    @property
    def group(self) -> str:
        """What makes one band of a chart: the runs of one method, which differ in their seeds."""
        if not self.arm.get("method"):
            return self.label
        where = self.label.rpartition("/")[0] or str(self.record.get("experiment"))
        return f"{where}/{self.method}" if self.in_several else self.method

    @property
    def seed(self) -> int | None:
        found = self.arm.get("seed")
        return found if isinstance(found, int) else None

    @property
    def stage(self) -> str | None:
        found = self.arm.get("stage")
        return found if isinstance(found, str) else None

    @property
    def experiment_id(self) -> str:
        """That of its experiment; empty where it is in none."""
        return str(self.arm.get("experiment_id") or "")

    @cached_property
    def metrics(self) -> Mapping[tuple[str, str], Series]:
        """What was logged, by split and name: numbers alone, without the epoch."""
        if self.inside.stat(METRICS) is None:
            self.say(f"There is no {METRICS}: the run has logged nothing.")
        return curves.metrics(self.inside, self.say, self.reader)

    @cached_property
    def scores(self) -> Sequence[Score]:
        """What benchmarks gave, oldest first."""
        return scoring.scores(self.inside, self.say)

    @cached_property
    def checkpoints(self) -> Sequence[Checkpoint]:
        """Those that were complete once, by step."""
        return saving.checkpoints(self.inside, self.scores, self.say)

    @cached_property
    def attempts(self) -> Sequence[Attempt]:
        """Each start of it, oldest first."""
        return starting.attempts(self.record)

    @cached_property
    def events(self) -> Sequence[dict[str, Any]]:
        """The newest lines of `events.jsonl`, oldest first."""
        count, rows = 0, deque[dict[str, Any]](maxlen=MOST_EVENTS)
        for row in Log(self.inside, EVENTS, self.say, MOST_BYTES).rows():
            if row.get("event") == "carried_out" and row.get("what") == PUBLISHED:
                continue  # a page that told of the last one would not be the same twice
            rows.append(row)
            count += 1
        if (more := count - MOST_EVENTS) > 0:
            self.say(f"{EVENTS} has {count:,} events; the first {more:,} are left out.")
        return [*rows]

    @cached_property
    def completions(self) -> Completions:
        """What the model said at some steps, read step by step."""
        return sampling.completions(self.inside, self.say)

    @property
    def cost(self) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
        """For each plugin and hook: `calls`, `seconds`, the `slowest` and `failures`."""
        return self.record.get("cost") or {}

    @property
    def faults(self) -> list[str]:
        """What was torn, missing or left out, a sentence each; asks for all parts but completions and answers."""
        for part in ("record", "config", "state", "metrics", "scores", "checkpoints", "events", "completions"):
            getattr(self, part)
        return [*self._said]

    @property
    def _run_dir(self) -> RunDir:
        return RunDir(self.path, is_main=False)

    def say(self, said: str) -> None:
        """Note that something of the run was torn, missing or left out; its files are named from its directory on."""
        self._said.setdefault(said.removeprefix(f"{shown(self.path)}/"))


@dataclass(frozen=True)
class Report:
    """All that is reported. `root` is the folder beside whose content the page lies; `faults` are of no single run.

    `empty` are the paths that hold no run; `faults` say why.
    """

    title: str
    root: Path
    runs: Sequence[RunData]
    experiments: Sequence[Summary] = ()
    faults: Sequence[str] = ()
    empty: Sequence[Path] = ()


def gather(paths: Sequence[Path]) -> Report:
    """What lies at or below `paths`: runs, experiments, folders of them. Raises `CallsheetError` where no run does."""
    return report_of(discover(paths))


def report_of(
    found: Found,
    run: Callable[..., RunData] = RunData,
    experiment: Callable[[Path], Summary] = summary.of,
) -> Report:
    """A report of what was found; `run` and `experiment` read it, or know it from before."""
    faults, experiments = [*found.faults], []
    for place in found.experiments:
        try:
            experiments.append(experiment(place))
        except (CallsheetError, OSError, ValueError, ArithmeticError) as error:
            faults.append(f"{shown(place)}: its verdict cannot be read: {error}")
    shared = len({path.parent for path in found.runs}) > 1, Reader(), JobStates()
    runs = [run(path, label, *shared) for path, label in found.runs.items()]
    return Report(_title(found.root, runs, experiments), found.root, runs, experiments, tuple(faults), found.empty)


def _title(root: Path, runs: Sequence[RunData], experiments: Sequence[Summary]) -> str:
    """The experiment, the run, or the folder that it is about."""
    if len(experiments) == 1 and all(run.path.is_relative_to(experiments[0].directory) for run in runs):
        return experiments[0].name
    return shown(Path(root.name or root))
