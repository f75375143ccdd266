"""Rows as Trackio shows them: a line each in a table, and a conversation each in its traces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from callsheet.privates import trackio
from callsheet.tracking import Rows

A_LINE = 300  # its tables neither wrap nor cut
LONGEST = 20_000
ASKED, ANSWERED = "prompt", "completion"


def table(rows: Rows) -> dict[str, Any]:
    """The rows, with numbers before texts, which push what comes after them off the page."""
    named = [dict(zip(rows.columns, row, strict=False)) for row in rows.rows]
    texts = {column for row in named for column, cell in row.items() if isinstance(cell, str)}
    order = sorted(rows.columns, key=lambda column: column in texts)
    return trackio.table(order, [[shown(row.get(column), A_LINE) for column in order] for row in named])


def traces(rows: Rows) -> list[dict[str, Any]]:
    """Each prompt with its answer; none for a table of something else."""
    if not {ASKED, ANSWERED} <= set(rows.columns):
        return []
    return [_trace(dict(zip(rows.columns, row, strict=False))) for row in rows.rows]


def _trace(row: Mapping[str, Any]) -> dict[str, Any]:
    asked, answered = (str(shown(row.get(column), LONGEST) or "") for column in (ASKED, ANSWERED))
    rest = {column: shown(cell, LONGEST) for column, cell in row.items() if column not in (ASKED, ANSWERED)}
    return trackio.trace(asked, answered, rest)


def shown(cell: str | float | int | None, longest: int) -> str | float | int | None:
    """`cell` as JSON has it, and cut with a mark."""
    if isinstance(cell, str):
        return cell if len(cell) <= longest else cell[: longest - 1] + "…"
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
