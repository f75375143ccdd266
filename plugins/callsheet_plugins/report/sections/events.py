"""The section of events: who asked for what, what failed, and what recovered."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.disk.inside import Inside
from callsheet.errors import counted, listed
from callsheet.rundir.rundir import EVENTS
from callsheet_plugins.report.page.anchors import anchor
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.reading.lines import Log, Say
from callsheet_plugins.report.telling.events import ASKED, FAILED, KINDS, OTHER, RECOVERED
from callsheet_plugins.report.telling.folding import Folded, folded
from callsheet_plugins.report.telling.times import moment
from callsheet_plugins.report.telling.visible import in_line, said

if TYPE_CHECKING:
    from pathlib import Path

    from callsheet.experiments.results.summary import Summary
    from callsheet_plugins.report.gathered import Report

MOST_EVENTS = 2_000  # of an experiment

LONGEST = 6_000  # characters of a traceback
MOST_DETAILS = 150_000  # characters of all details
TONES = {FAILED: "bad", RECOVERED: "good", ASKED: "busy", OTHER: "quiet"}
QUIET = {"rank": 0, "attempts": 1, "attempt": 1, "is_job": False}  # what goes without saying


@dataclass(frozen=True)
class Line:
    """A row of the table. `tone` is empty for what is the usual course of a run.

    `details` are fields of the last event of it that its sentence does not say.
    """

    id: str
    kind: str
    tone: str
    first: str
    last: str
    runs: str
    sentence: str
    count: int
    clock_went_back: bool
    details: Sequence[tuple[str, str]]

    @property
    def title(self) -> str:
        return KINDS[self.kind]


def section(report: Report) -> Section | None:
    faults = list[str]()
    sources = [(run.label, _told_apart(run.events)) for run in report.runs]
    sources += [(_called(each), _events(each.directory, faults.append)) for each in report.experiments]
    found, left_out = folded(sources)
    if not found:
        return None
    counts = Counter[str]()
    for one in found:
        counts[one.event.kind] += one.count
    return Section(
        "events",
        "Events",
        "events.html.jinja",
        {
            "kinds": [(kind, title, counts[kind]) for kind, title in KINDS.items() if counts[kind]],
            "lines": _lines(found, {run.label for run in report.runs}),
            "several": len(sources) > 1,
            "faults": faults,
            "has_outbox": any("outbox" in one.event.sentence for one in found),
            "left_out": f"{counted(left_out, 'more event', form=',')} that say less" if left_out else "",
        },
    )


def _told_apart(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`events`, where the outbox entry that hands a checkpoint to its benchmarks is no job, which alone scores it."""
    jobs = [event.get("id") for event in events if event.get("event") == "benchmark_submitted"]
    ids = {id for id in jobs if isinstance(id, str)}
    return [event | {"is_job": False} if ids and _is_handed(event, ids) else event for event in events]


def _is_handed(event: dict[str, Any], jobs: Set[str]) -> bool:
    id = event.get("id")
    is_of_benchmarks = event.get("event") == "carried_out" and event.get("what") == "benchmarks"
    return is_of_benchmarks and isinstance(id, str) and id not in jobs


def _called(experiment: Summary) -> str:
    return f"the experiment {experiment.name or experiment.directory.name}"


def _events(experiment: Path, say: Say) -> list[dict[str, Any]]:
    """The newest that its driver wrote."""
    return [*deque(Log(Inside(experiment, "the experiment's directory"), EVENTS, say).rows(), MOST_EVENTS)]


def _lines(found: Sequence[Folded], runs: Set[str]) -> list[Line]:
    left, lines = MOST_DETAILS, list[Line]()
    for one in found:
        details = _details(one) if left > 0 else []
        left -= sum(len(name) + len(value) for name, value in details)
        lines.append(_line(one, runs, details))
    return lines


def _line(one: Folded, runs: Set[str], details: Sequence[tuple[str, str]]) -> Line:
    names = "all runs" if one.runs.keys() == runs else listed(one.runs)
    first, last = moment(one.first), moment(one.last)
    same_day = first[:10] == last[:10]
    until = "" if first == last else last[11:] if same_day else last
    kind, sentence = one.event.kind, one.event.sentence
    id = anchor("events", kind, first, sentence)
    tone = TONES.get(kind, "")
    return Line(id, kind, tone, first, until, names, sentence, one.count, one.clock_went_back, details)


def _details(one: Folded) -> list[tuple[str, str]]:
    rest = one.event.rest.items()
    return [
        (in_line(name, 60), said(value, LONGEST)) for name, value in rest if _is_news(name, value, one.event.sentence)
    ]


def _is_news(name: str, value: Any, sentence: str) -> bool:
    return QUIET.get(name) != value and in_line(value) not in sentence
