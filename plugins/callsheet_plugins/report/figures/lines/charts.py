"""The charts of a report: each metric of its runs, as one line for each arm, or for each run that stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

from callsheet_plugins.report.figures.lines.names import TRAIN, Named, named, rank
from callsheet_plugins.report.figures.lines.series import merged

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report, RunData
    from callsheet_plugins.report.reading.metrics import Series

TOGETHER = 12  # lines of one chart that are all drawn at first


@dataclass(frozen=True, eq=False)
class Arm:
    """Runs that make one line together, because they differ in their seeds alone."""

    name: str
    runs: Sequence[RunData]

    @property
    def is_band(self) -> bool:
        return len(self.runs) > 1


@dataclass(frozen=True, eq=False)
class Line:
    """`members` are the series of an arm's runs, by the place of the run in the arm."""

    arm: int
    named: Named
    members: Mapping[int, Series]


@dataclass(frozen=True, eq=False)
class Chart:
    """The chart of a `metric`, or of one variant of it; `is_wanted` if the best checkpoint is chosen by it."""

    metric: str
    lines: Sequence[Line]
    is_wanted: bool = False
    is_part: bool = False

    @property
    def name(self) -> str:
        """The metric, and what it is of where other charts have it of something else."""
        return f"{self.metric}, {self.variants[0]}" if self.is_part else self.metric

    @property
    def key(self) -> str:
        """Names it among all charts, whatever metrics are called."""
        return f"{self.metric}\n{self.variants[0]}" if self.is_part else self.metric

    @cached_property
    def size(self) -> int:
        """How many series it has."""
        return sum(len(line.members) for line in self.lines)

    @cached_property
    def longest(self) -> int:
        """How many steps the longest of them has."""
        return max(len(series.steps) for line in self.lines for series in line.members.values())

    @cached_property
    def variants(self) -> Sequence[str]:
        """What its lines are of, in order: `train`, `eval`."""
        return list(dict.fromkeys(line.named.line for line in self.lines))


def arms(report: Report) -> list[Arm]:
    """The arms of a report, in the order in which its runs stand; a stage of an experiment makes arms of its own."""
    grouped: dict[str, list[RunData]] = {}
    for run in report.runs:
        grouped.setdefault(f"{run.group}, {run.stage}" if run.stage else run.group, []).append(run)
    return [Arm(name, runs) for name, runs in grouped.items()]


def charts(arms: Sequence[Arm]) -> list[Chart]:
    """Every metric of `arms`, the most important first, as `names.rank` has it."""
    made: dict[str, dict[tuple[int, Named], dict[int, Series]]] = {}
    for place, arm in enumerate(arms):
        for member, run in enumerate(arm.runs):
            for known, series in _named(run):
                members = made.setdefault(known.chart, {}).setdefault((place, known), {})
                members[member] = merged(members[member], series) if member in members else series
    wanted = _wanted(arms[0].runs[0]) if arms else ""
    return [
        chart
        for name in sorted(made, key=lambda name: rank(name, wanted))
        for chart in _parted(name, [Line(*line, members) for line, members in made[name].items()], name == wanted)
    ]


def _named(run: RunData) -> Iterator[tuple[Named, Series]]:
    plugins = _plugins(run)
    alone = next((name for name, settings in plugins.items() if settings.get("evaluate_with") == name), "")
    for (split, name), series in run.metrics.items():
        yield _known(split, name, tuple(plugins), alone), series


@cache
def _known(split: str, name: str, plugins: tuple[str, ...], alone: str) -> Named:
    """Where the plugin `alone` has only its average evaluated, that bears the names of the weights that train."""
    known = named(split, name, plugins)
    return replace(known, weights=alone) if alone and split != TRAIN and not known.weights else known


def _plugins(run: RunData) -> dict[str, Mapping[str, object]]:
    """The settings of each plugin of a run."""
    recorded = run.record.get("plugins")
    found = [one for one in recorded if isinstance(one, dict)] if isinstance(recorded, list) else []
    settings = {str(one.get("name")): one.get("settings") for one in found}
    return {name: one if isinstance(one, dict) else {} for name, one in settings.items()}


def _wanted(run: RunData) -> str:
    """The chart of the metric by which a run chooses its best checkpoint; empty where it does not."""
    args = run.record.get("trainer_args")
    name = args.get("metric_for_best_model") if isinstance(args, dict) else None
    found = [key for key in run.metrics if key[0] != TRAIN and key[1] in (name, f"eval_{name}")]
    return named(*found[0], [*_plugins(run)]).chart if found else ""


def by_variant(line: Line) -> tuple[bool, str, int]:
    """Sort key: what training logged, then evaluations by name, each in the order of arms."""
    return (line.named.variant != TRAIN, line.named.line, line.arm)


def _parted(metric: str, lines: list[Line], is_wanted: bool) -> Iterator[Chart]:
    lines = sorted(lines, key=by_variant)
    parts = [lines] if len({line.arm for line in lines}) == 1 else _by_measured(lines)
    for part in parts:
        yield Chart(metric, part, is_wanted, is_part=len(parts) > 1)


def _by_measured(lines: Sequence[Line]) -> list[list[Line]]:
    """With several arms, a chart for each set; for weights that train and averaged ones together, if there is room."""
    sets: dict[str, list[Line]] = {}
    for line in lines:
        sets.setdefault(line.named.variant, []).append(line)
    found = []
    for part in sets.values():
        weights = [
            [line for line in part if line.named.line == one] for one in {line.named.line: None for line in part}
        ]
        found += [part] if len(part) <= TOGETHER else weights
    return found
