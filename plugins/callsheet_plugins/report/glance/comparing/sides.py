"""What stands side by side: for each name a cell of each run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from callsheet_plugins.report.glance import words
from callsheet_plugins.report.glance.look import Glance, usual_metric
from callsheet_plugins.report.glance.metrics import Value, is_greater_better
from callsheet_plugins.report.glance.settings import ABSENT, differing_runs
from callsheet_plugins.report.reading.scores import Score

EVALUATION = "eval_"


@dataclass(frozen=True)
class Row:
    """A line: its name, and a text of each run, empty where a run has none."""

    name: str
    cells: Sequence[str]


def marks(count: int) -> list[str]:
    """A short name for each run: letters, or numbers where there are too many for that."""
    return [*ascii_uppercase[:count]] if count <= len(ascii_uppercase) else [str(place + 1) for place in range(count)]


def settings(glances: Sequence[Glance]) -> Iterator[Row]:
    """The settings in which the runs differ."""
    for name, values in differing_runs([glance.config for glance in glances]).items():
        yield Row(name, ["" if value is ABSENT else words.setting(value) for value in values])


def metrics(glances: Sequence[Glance]) -> Iterator[Row]:
    """The last value of every metric, and the best one of evaluations where that is another."""
    for name in names(glances):
        last = [glance.logged.last(name) for glance in glances]
        yield Row(name, [_said(*each) for each in zip(last, glances, strict=True)])
        best = [best_of(glance, name) for glance in glances]
        if any(one and other and one.step != other.step for one, other in zip(best, last, strict=True)):
            yield Row(f"{name}, best", [_said(*each) for each in zip(best, glances, strict=True)])


def scores(glances: Sequence[Glance]) -> Iterator[Row]:
    """The last score of each benchmark, metric and kind of weights."""
    for label in labels(glances):
        found = [glance.scores.get(label) for glance in glances]
        yield Row(label, [_said(*each) for each in zip(found, glances, strict=True)])


def names(glances: Sequence[Glance]) -> list[str]:
    """The metrics of all runs: first the one by which they are judged, then those of evaluations."""
    judged = usual_metric(glances)
    found = dict.fromkeys(name for glance in glances for name in glance.logged.names)
    return sorted(found, key=lambda name: (name != judged, not name.startswith(EVALUATION)))


def labels(glances: Sequence[Glance]) -> list[str]:
    return list(dict.fromkeys(label for glance in glances for label in glance.scores))


def best_of(glance: Glance, name: str) -> Value | None:
    """The best value of an evaluation, or of the metric by which a run is judged: the least loss of a batch is luck."""
    greater = is_greater_better(glance.run, name)
    if greater is None or not (name.startswith(EVALUATION) or name == glance.metric):
        return None
    return glance.best(name, greater)


def _said(found: Value | Score | None, glance: Glance) -> str:
    """A value, with its step where that is not the last one of the run."""
    if found is None:
        return ""
    said = words.number(found.value)
    return said if found.step in (None, glance.step) else f"{said} @{found.step}"
