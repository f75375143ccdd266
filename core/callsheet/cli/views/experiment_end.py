"""What a driver prints when its experiment has ended: the scores of each method, the verdict, and what is left."""

from __future__ import annotations

from collections.abc import Iterator

import click

from callsheet.cli.views.columns import aligned
from callsheet.disk.standing import short
from callsheet.errors import counted, first_line
from callsheet.experiments.driver.ending import End, how_to_go_on
from callsheet.experiments.places import REPORT
from callsheet.experiments.results import Summary, comparison_rows
from callsheet.screen import cut, printable

HEADER = ("arm", "seeds", "mean ± sd", "difference", "interval", "verdict", "could have shown", "seeds needed")
TRIAL = ("trial", "score", "ended", "values")
MOST = 20  # arms without a score, and trials, that are named


def show(end: End) -> None:
    for line in (*_table(end.summary), *_missing(end.summary), *_left(end), *_said(end.summary)):
        click.echo(printable(line))


def _table(summary: Summary) -> Iterator[str]:
    rows = [
        (row.method, row.seeds, row.mean, row.difference, row.interval, row.verdict, row.smallest, row.more)
        for row in comparison_rows.method_rows(summary)
    ]
    if rows:
        yield ""
        yield from aligned([HEADER, *rows])
        yield ""
    if trials := comparison_rows.trial_rows(summary):
        yield ""
        yield from aligned([TRIAL, *trials[:MOST]])
        if len(trials) > MOST:
            yield counted(len(trials) - MOST, "more trial")
        yield ""


def _missing(summary: Summary) -> Iterator[str]:
    rows = [*summary.missing.items()]
    for name, why in rows[:MOST]:
        yield f"{name} has no score: {cut(first_line(why))}"
    if len(rows) > MOST:
        yield f"{counted(len(rows) - MOST, 'more arm')} without a score."


def _left(end: End) -> Iterator[str]:
    if end.left:
        yield f"{counted(end.left, 'arm')} did not begin: the budget is used up. {how_to_go_on(end.summary.directory)}"


def _said(summary: Summary) -> Iterator[str]:
    if summary.verdict is not None:
        yield summary.result.conclusion
    if (best := summary.result.best_arm) and summary.result.best_score is not None:
        yield f"The best single run is {best.name}, {summary.result.best_score:g}; it flatters its arm."
    yield f"All of it: {short(summary.directory)}/{REPORT}"
