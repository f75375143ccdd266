"""A cell of a table that is sorted by something else than its text, or that is a link."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """`text` is shown, `sort` sorts; `link` is an address of the web, else empty."""

    text: str
    sort: float | None = None
    link: str = ""


def is_cell(value: object) -> bool:
    return isinstance(value, Cell)
