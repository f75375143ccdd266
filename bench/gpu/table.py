"""Rows of figures, which benchmarks append to a file and the last table shows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One figure; `reached` is None where there is nothing to reach."""

    what: str
    measured: str
    to_reach: str = ""
    reached: bool | None = None


def at_most(what: str, value: float, limit: float, form: str = "{:.3f}", beside: str = "") -> Row:
    measured = form.format(value) + (f" ({beside})" if beside else "")
    return Row(what, measured, f"<= {form.format(limit)}", value <= limit)


def write(rows: Callable[[], Iterator[Row]]) -> None:
    """Append each of `rows` to the file that the command line names, as soon as it is known; or print it."""
    for row in rows():
        print(row, flush=True)
        if len(sys.argv) > 1:
            with Path(sys.argv[1]).open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")


def read(path: Path) -> list[Row]:
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def show(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "measured", "to reach", "reached", caption=_card())
    for row in rows:
        table.add_row(row.what, row.measured, row.to_reach, {True: "yes", False: "NO", None: ""}[row.reached])
    Console(width=150, markup=False).print(table)


def _card() -> str:
    import torch

    versions: Iterable[str] = (f"torch {torch.__version__}", f"Python {sys.version.split()[0]}")
    return f"{torch.cuda.get_device_name()}, {', '.join(versions)}"
