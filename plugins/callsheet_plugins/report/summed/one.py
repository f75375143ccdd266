"""A single run summed up: a fact a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from callsheet.errors import counted
from callsheet_plugins.report.compared.facts import section
from callsheet_plugins.report.summed import rows
from callsheet_plugins.report.telling.times import moment, seconds_of
from callsheet_plugins.report.telling.visible import in_line

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData

OVER = ("completed", "stopped")


def facts(run: RunData) -> list[tuple[str, Any]]:
    """Name and value, what a reader asks first at the top; the status stands above them."""
    found = [*_facts(run)]
    return [(name, value) for name, value in found if value not in (None, "")]


def going_on(run: RunData) -> tuple[str, Sequence[str]]:
    """What to do with a run that is not over, in a sentence, and the commands that do it."""
    status = run.status
    return "" if status.state in OVER else in_line(status.hint), status.commands


def _facts(run: RunData) -> Iterator[tuple[str, Any]]:
    yield "why", in_line(run.why)
    yield "step", _step(run.step, run.steps)
    yield "began (UTC)", moment(seconds_of(run.record.get("started")))
    table = rows.table([run])
    told = dict(zip(table.columns, table.rows[0], strict=True))
    yield from (
        (name, cell.text) for name, cell in told.items() if name not in ("run", "status", "step", "started (UTC)")
    )
    if len(run.attempts) > 1:
        yield "attempts", str(len(run.attempts))
    yield from _model_and_data(run)


def _step(step: int | None, steps: int | None) -> str:
    if step is None:
        return ""
    return f"{step:,} of {steps:,}" if steps else f"{step:,}"


def _model_and_data(run: RunData) -> Iterator[tuple[str, Any]]:
    parameters, train = section(run.record, "parameters"), section(section(run.record, "data"), "train")
    if isinstance(total := parameters.get("total"), int):
        yield "parameters", f"{total:,}"
    if isinstance(rows_of := train.get("rows"), int):
        yield "training data", counted(rows_of, "row", form=",")
