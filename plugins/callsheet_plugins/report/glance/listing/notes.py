"""What stands below a table of runs: how many there are, why some failed, and what was left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from callsheet.disk.standing import short
from callsheet.errors import counted
from callsheet.experiments.places import ARMS, PENDING
from callsheet.session.going_on import shell
from callsheet_plugins.report.glance import words
from callsheet_plugins.report.glance.finding import Columns
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.reading.records import UNREADABLE

MOST_WHYS = 8  # runs whose reasons are told
LONGEST_WHY = 400
TROUBLE = ("failed", "dead", "interrupted", "unknown", UNREADABLE)


def on_runs(columns: Columns, glances: Sequence[Glance], total: int) -> Iterator[str]:
    """What a reader of the table has to know besides."""
    states = Counter(glance.state for glance in glances)
    of = "" if len(glances) == total else f" of {total:,}"
    said = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    yield f"{len(glances):,}{of} {'run' if total == 1 else 'runs'}: {said}"
    if others := [glance for glance in glances if glance.metric and not glance.logged.last(columns.metric)]:
        names = ", ".join(dict.fromkeys(glance.metric for glance in others))
        yield f"{counted(len(others), 'run')} logged no {columns.metric}; --metric NAME shows another: {names}"
    if partly := [glance for glance in glances if not glance.logged.tail.is_whole]:
        most = words.size(partly[0].most_bytes)
        yield f"Of {counted(len(partly), 'run')}, best is that of the last {most} of metrics.jsonl"


def on_experiments(experiments: Iterable[Path]) -> Iterator[str]:
    """That arms of an experiment have not begun, which have no run to show."""
    for place in experiments:
        pending = _names(place / ARMS / PENDING)
        if pending:
            has = "has" if pending == 1 else "have"
            status = shell("callsheet", "experiment", "status", short(place))
            yield f"{counted(pending, 'arm')} {has} not begun: {status}"


def _names(folder: Path) -> int:
    try:
        return sum(name.endswith(".json") for name in os.listdir(folder))
    except OSError:
        return 0


def whys(glances: Sequence[Glance]) -> Iterator[str]:
    found = [glance for glance in glances if glance.state in TROUBLE and glance.why]
    for glance in found[:MOST_WHYS]:
        yield f"{glance.label}: {' '.join(glance.why.split())}"[:LONGEST_WHY]
    if (more := len(found) - MOST_WHYS) > 0:
        yield f"{counted(more, 'more run')} {'has' if more == 1 else 'have'} a reason: --columns why"


def left_out(headers: Sequence[str]) -> Iterator[str]:
    if names := [name for name in headers if name != "why"]:
        left = f"{counted(len(names), 'column')} left out (--columns NAME,… shows them, --json all)"
        yield f"{left}: {', '.join(names)}"
