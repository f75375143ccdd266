"""The table of an experiment: what each method scored over its seeds, and who won; it fits 80 columns."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from callsheet.errors import counted, listed
from callsheet.experiments.places import RECORD
from callsheet.experiments.results import Summary
from callsheet.experiments.results.by_prompt import by_prompt
from callsheet.experiments.results.comparison_rows import method_rows, trial_rows
from callsheet.experiments.results.verdicts import sentences_of
from callsheet.experiments.statistics.methods import BETTER, WORSE
from callsheet.screen import cut, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

COLOURS = {BETTER: "green", WORSE: "red"}
WIDE = 200  # columns where nobody looks at a terminal: nothing is folded that `grep` should find
MOST_TRIALS = 20  # that are shown, the best first
MOST = 60  # methods that are shown


def show(summary: Summary, console: Console | None = None) -> None:
    """Print the table, with a sentence for each comparison below, and what the answers say of single checkpoints."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    for part in parts(summary):
        console.print(part)
    for said in by_prompt(summary).sentences:
        console.print(Text(cut(printable(said))))


def parts(summary: Summary) -> list[RenderableType]:
    """What is shown of the verdict so far."""
    from rich.table import Table
    from rich.text import Text

    table = Table("arm", "seeds", "mean ± sd", "difference", "verdict", box=None, pad_edge=False, header_style="dim")
    table.columns[1].justify = "right"
    for column in table.columns[1:4]:
        column.no_wrap = True
    rows = [*method_rows(summary)]
    for row in rows[:MOST]:
        difference = f"{row.difference} [{row.interval.replace(' to ', ', ')}]" if row.interval else row.difference
        cells = (row.method, row.seeds, row.mean, difference)
        table.add_row(*(Text(printable(cell)) for cell in cells), Text(row.verdict, style=COLOURS.get(row.verdict, "")))
    said = [Text(cut(printable(sentence))) for sentence in [*sentences_of(summary.verdict, summary.asked)][:MOST]]
    metric = printable(summary.asked.success_metric or "")
    head = (
        [Text(f"{metric}, {summary.asked.direction}d, against {summary.verdict.baseline}")] if summary.verdict else []
    )
    if (more := len(rows) - MOST) > 0:
        said.insert(0, Text(f"… and {counted(more, 'more arm')}: {RECORD}"))
    if best := summary.best_run:
        said.append(Text(cut(printable(best))))
    if odd := summary.elsewhere:
        named = listed([f"{name} ({step})" for name, step in odd.items()])
        said.append(Text(cut(printable(f"Scored at another step than most: {named}."))))
    return [*head, *([table] if table.rows else []), *_trials(summary), *said]


def _trials(summary: Summary) -> list[RenderableType]:
    """Arms that were searched, the best first."""
    from rich.table import Table
    from rich.text import Text

    table = Table("trial", "score", "ended", "values", box=None, pad_edge=False, header_style="dim")
    table.columns[1].justify = "right"
    rows = trial_rows(summary)
    for row in rows[:MOST_TRIALS]:
        table.add_row(*(Text(printable(cell)) for cell in row))
    more = [Text(f"… and {counted(len(rows) - MOST_TRIALS, 'more trial')}")] if len(rows) > MOST_TRIALS else []
    return [table, *more] if rows else []
