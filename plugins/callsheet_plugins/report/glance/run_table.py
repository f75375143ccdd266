"""What `callsheet runs` prints: a table that fits its screen, plain lines where nobody looks, or JSON."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

import click

from callsheet.disk.standing import short
from callsheet.errors import counted
from callsheet.screen import cut, in_a_line
from callsheet.values import dumps
from callsheet_plugins.report.glance import words
from callsheet_plugins.report.glance.columns import Column
from callsheet_plugins.report.glance.finding import Columns
from callsheet_plugins.report.glance.fitting import Cells, columns_of_the_screen, cut_to, fitted
from callsheet_plugins.report.glance.look import UNREADABLE, Glance
from callsheet_plugins.report.glance.metrics import is_greater_better

MISSING = "-"
SPARING = 48  # columns of a terminal that a setting takes at most
MOST_WHYS = 8  # runs whose reasons are told below a table
LONGEST_WHY = 400
TROUBLE = ("failed", "dead", "interrupted", "unknown", UNREADABLE)
QUIET = ("completed", "alive")
COLOURS = {
    **dict.fromkeys(("failed", "dead", UNREADABLE), "red"),
    **{"alive": "green", "waiting": "yellow", "interrupted": "yellow", "unknown": "yellow"},
}
# Which columns keep their place on a narrow screen: those of the lowest rank. Settings and scores go in between.
RANKS = {"run": 0, "status": 1, "arm": 2, "seed": 3, "last": 5, "best": 6, "step": 7, "age": 10, "size": 11}
STEP_OF_COMPLETED = 12  # all of them took all their steps
OF_SETTINGS, OF_SETTINGS_OF_ARMS, OF_SCORES = (4, 9, 13), (14, 16), (8, 15)
LATER, WHY = 20, 1000
MOST_SETTINGS = 12  # that are shown if nobody asks for them


def show(columns: Columns, glances: Sequence[Glance], asked: Sequence[Column], notes: Iterable[str]) -> None:
    """Print a line for each run, with the columns that are `asked` for, or else the usual ones that have values."""
    room = columns_of_the_screen()
    chosen = [*asked] or [*usual(columns, glances)]
    ranks = {column.name: place for place, column in enumerate(chosen)} if asked else _ranks(columns, chosen)
    cells = [_cells(column, glances, ranks[column.name], room) for column in chosen]
    lines, dropped = fitted(cells, room)
    states = [glance.state for glance in glances]
    print(_dim(lines[0]))
    for line, state in zip(lines[1:], states, strict=True):
        print(_coloured(line, state))
    more = [] if asked else [*columns.settings()[MOST_SETTINGS:]]
    if room < inf:
        told = [*_whys(glances)] if any(column.header == "why" for column in dropped) else []
        _say([*told, *notes, *_left_out([*(each.header for each in dropped), *(each.header for each in more)])], room)
    elif more:
        click.echo(f"callsheet: {next(_left_out([column.name for column in more]))}", err=True)


def usual(columns: Columns, glances: Sequence[Glance]) -> Iterator[Column]:
    """The columns that are shown if nobody asks for others."""
    own = columns.own
    arms = [own[name] for name in ("arm", "seed", "stage") if _says_something(own[name], glances, name)]
    of_arms = {tuple(column.text(glance) for glance in glances) for column in arms}
    differs = columns.settings()[:MOST_SETTINGS]
    settings = [each for each in differs if tuple(map(each.text, glances)) not in of_arms]
    yield from (own["run"], own["status"], own["step"], *arms, *settings)
    if columns.metric:
        yield from (own["last"], own["best"])
    yield from map(columns.find, (f"score.{label}" for label in columns.scores))
    yield from (own["size"], own["age"])
    if any(glance.state not in QUIET for glance in glances):
        yield own["why"]


def show_json(columns: Columns, glances: Sequence[Glance]) -> None:
    """Print a line of JSON for each run."""
    for glance in glances:
        print(dumps(record(columns, glance)))


def record(columns: Columns, glance: Glance) -> dict[str, Any]:
    """All about one run, for programs."""
    metric = columns.metric if glance.logged.last(columns.metric) else glance.metric
    greater = is_greater_better(glance.run, metric)
    best = None if greater is None else glance.best(metric, greater)
    differing = {column.name: column.value(glance) for column in columns.settings()}
    return {
        "run": glance.label,
        "run_dir": str(glance.path),
        "state": glance.state,
        "why": cut(glance.why),
        "experiment": glance.run.get("experiment"),
        "arm": dict(glance.arm) or None,
        "settings": differing,
        "step": glance.step,
        "steps": glance.steps,
        "metric": metric or None,
        "last": vars(found) if (found := glance.logged.last(metric)) else None,
        "best": {**vars(best), "greater_is_better": greater} if best else None,
        "metrics": {name: vars(glance.logged.last(name)) for name in glance.logged.names},
        "scores": {label: {"step": score.step, "value": score.value} for label, score in glance.scores.items()},
        "size": glance.size.count,
        "size_is_whole": glance.size.is_whole,
        "metrics_are_whole": glance.logged.tail.is_whole,
        "started": glance.run.get("started"),
        "ended": glance.run.get("ended"),
        "age": time.time() - glance.started if glance.started else None,
        "written": glance.written,
    }


def notes_on(columns: Columns, glances: Sequence[Glance], total: int) -> Iterator[str]:
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


def _says_something(column: Column, glances: Sequence[Glance], name: str) -> bool:
    found = {column.text(glance) for glance in glances}
    return len(found) > 1 if name == "seed" else found != {""}


def _cells(column: Column, glances: Sequence[Glance], rank: int, room: float) -> Cells:
    texts = [column.text(glance) or MISSING for glance in glances]
    if column.name == "run":
        texts = texts if room < inf else [short(glance.path) for glance in glances]
        return Cells("run", texts, rank, least=24, is_cut_in_the_middle=True)
    if column.name == "why":
        texts = [
            cut(text) if glance.state not in QUIET else MISSING for text, glance in zip(texts, glances, strict=True)
        ]
        return Cells("why", texts, rank, least=30)
    if column.is_number or column.name == "status":
        return Cells(column.header, texts, rank, is_number=column.is_number)
    return Cells(column.header, texts, rank, least=8, most=SPARING if room < inf else inf)


def _ranks(columns: Columns, chosen: Sequence[Column]) -> dict[str, int]:
    """Each column's rank by its name; of experiments the arm says what differs."""
    names = [column.name for column in chosen]
    ranks = {name: RANKS.get(name, WHY) for name in names if name in columns.own}
    if all(glance.state == "completed" for glance in columns.glances) and "step" in ranks:
        ranks["step"] = STEP_OF_COMPLETED
    of_settings = OF_SETTINGS_OF_ARMS if "arm" in names else OF_SETTINGS
    for kind, first in ((columns.differs, of_settings), (columns.scores, OF_SCORES)):
        places = [*first, *range(LATER, LATER + len(names))]
        ranks |= dict(zip((name for name in names if name in kind), places, strict=False))
    return ranks


def _whys(glances: Sequence[Glance]) -> Iterator[str]:
    found = [glance for glance in glances if glance.state in TROUBLE and glance.why]
    for glance in found[:MOST_WHYS]:
        yield f"{glance.label}: {' '.join(glance.why.split())}"[:LONGEST_WHY]
    if (more := len(found) - MOST_WHYS) > 0:
        yield f"{counted(more, 'more run')} {'has' if more == 1 else 'have'} a reason: --columns why"


def _left_out(headers: Sequence[str]) -> Iterator[str]:
    if names := [name for name in headers if name != "why"]:
        left = f"{counted(len(names), 'column')} left out (--columns NAME,… shows them, --json all)"
        yield f"{left}: {', '.join(names)}"


def _say(notes: Sequence[str], room: float) -> None:
    """Print notes below a table, each on one line; what is longer is cut."""
    if notes:
        print()
    for note in notes:
        print(_dim(cut_to(in_a_line(note), int(room))))


def _coloured(line: str, state: str) -> str:
    colour = COLOURS.get(state)
    if not colour or not _has_colours():
        return line
    return line.replace(f" {state} ", f" {click.style(state, fg=colour)} ", 1)


def _dim(text: str) -> str:
    return click.style(text, dim=True) if _has_colours() else text


def _has_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
