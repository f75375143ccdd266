"""What a driver prints when its experiment has ended: the scores of each method, the verdict, and what is left."""

from __future__ import annotations

from collections.abc import Iterator

import click

from callsheet.cli.views import experiment_table
from callsheet.disk.standing import short
from callsheet.errors import counted, first_line
from callsheet.experiments.driver.ending import End, how_to_go_on
from callsheet.experiments.places import REPORT
from callsheet.experiments.results import Summary
from callsheet.screen import cut, printable

MOST = 20  # arms without a score that are named


def show(end: End) -> None:
    summary = end.summary
    if summary.asked.success_metric is not None:
        click.echo()
        experiment_table.show(summary)
    for line in (*_missing(summary), *_left(end), f"The report: {short(summary.directory)}/{REPORT}"):
        click.echo(printable(line))


def _missing(summary: Summary) -> Iterator[str]:
    rows = [*summary.missing.items()]
    for name, why in rows[:MOST]:
        yield f"{name}: {cut(first_line(why))}"
    if len(rows) > MOST:
        yield f"{counted(len(rows) - MOST, 'more arm')} without a score."


def _left(end: End) -> Iterator[str]:
    if end.left:
        yield f"{counted(end.left, 'arm')} did not begin: the budget is used up. {how_to_go_on(end.summary.directory)}"
