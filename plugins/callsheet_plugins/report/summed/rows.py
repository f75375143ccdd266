"""The table of runs: a row for each, with how far it got, what it reached, and what tells it from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet_plugins.report.glance.settings import ABSENT, differing_runs, short_names, typed_names
from callsheet_plugins.report.page.numbers import shown
from callsheet_plugins.report.summed.looked_at import last, looked_at
from callsheet_plugins.report.telling.times import lag, moment, seconds_of, span
from callsheet_plugins.report.telling.visible import in_line

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData

MOST_SETTINGS, MOST_SCORES = 5, 6
MANY = 200  # runs whose table has the columns that matter most
FIELD = 60  # characters of a setting
KINDS = {"completed": "good", "alive": "busy", "waiting": "busy", "failed": "bad", "dead": "bad", "unreadable": "bad"}


@dataclass(frozen=True)
class Cell:
    """`text` is shown; `sort` is what it is sorted by, where that is another. `kind` is that of a status."""

    text: str
    is_number: bool = False
    sort: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    more_settings: int  # that differ and have no column


def table(runs: Sequence[RunData]) -> Table:
    """A column is left out where no run has anything to say in it."""
    settings = _settings(runs)
    columns: dict[str, list[Cell]] = {
        "run": [Cell(in_line(run.label)) for run in runs],
        "status": [Cell(run.state, kind=KINDS.get(run.state, "quiet")) for run in runs],
        "step": [_step(run) for run in runs],
        **_scores(runs),
        **_metrics(runs),
        **dict([*settings.items()][:MOST_SETTINGS]),
        "took": [_took(run) for run in runs],
    }
    if len(runs) <= MANY:
        columns["checkpoints"] = [_count(len(run.checkpoints)) for run in runs]
        columns["started (UTC)"] = [Cell(moment(seconds_of(run.record.get("started")))) for run in runs]
    kept = {name: cells for name, cells in columns.items() if any(cell.text for cell in cells)}
    more = max(len(settings) - MOST_SETTINGS, 0)
    return Table([*kept], [*zip(*kept.values(), strict=True)], more)


def _step(run: RunData) -> Cell:
    if run.step is None:
        return Cell("", is_number=True)
    is_whole = run.steps in (None, run.step)
    said = str(run.step)
    return Cell(said, is_number=True) if is_whole else Cell(f"{said} of {run.steps}", is_number=True, sort=said)


def _settings(runs: Sequence[RunData]) -> dict[str, list[Cell]]:
    """Those in which the runs differ, what somebody typed first."""
    found = differing_runs([run.config for run in runs])
    typed = typed_names(run.record for run in runs)
    names = sorted(found, key=lambda name: name not in typed)
    shorts = short_names(names)
    return {shorts[name]: [*map(_setting, found[name])] for name in names}


def _setting(value: Any) -> Cell:
    if value is None or value is ABSENT:
        return Cell("")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Cell(in_line(value, FIELD), is_number=is_number)


def _metrics(runs: Sequence[RunData]) -> dict[str, list[Cell]]:
    """The last value of what most runs are looked at by."""
    name = looked_at(runs)
    return {f"last {name}": [_number(last(run, name)) for run in runs]} if name else {}


def _scores(runs: Sequence[RunData]) -> dict[str, list[Cell]]:
    """The score of the last step, of each benchmark, metric and kind of weights."""
    told = [dict(_last_scores(run)) for run in runs]
    names = Counter(name for row in told for name in row)
    return {name: [_number(row.get(name)) for row in told] for name, _ in names.most_common(MOST_SCORES)}


def _last_scores(run: RunData) -> Iterator[tuple[str, float]]:
    for score in sorted(run.scores, key=lambda score: score.order):
        yield score.label, score.value


def _number(value: float | None) -> Cell:
    return Cell("" if value is None else shown(value), is_number=True)


def _count(count: int) -> Cell:
    return Cell(str(count) if count else "", is_number=True)


def _took(run: RunData) -> Cell:
    seconds = lag(seconds_of(run.record.get("started")), seconds_of(run.record.get("ended")))
    return Cell(span(seconds), sort="" if seconds is None else f"{seconds:.0f}", is_number=True)
