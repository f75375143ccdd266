"""`callsheet plugins`: what is installed, one line each, without importing any of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.cli.views.columns import aligned
from callsheet.errors import CallsheetError
from callsheet.plugins.registry import Installed, installed
from callsheet.plugins.summaries import summary_of

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Row:
    """One installed plugin; `fault` says what would stop its import, and `summary` is then empty."""

    name: str
    distribution: str
    version: str
    summary: str = ""
    fault: str = ""

    @property
    def line(self) -> str:
        return f"broken: {self.fault}" if self.fault else self.summary


def listing() -> list[Row]:
    """Every installed plugin, in alphabetical order."""
    return [_row(found) for found in installed().values()]


def show(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print a table on a terminal, and plain lines for `grep` anywhere else; rich is imported for the table only."""
    if console is None and sys.stdout.isatty():
        from rich.console import Console

        console = Console()
    if console is not None and console.is_terminal:
        _show_table(rows, console)
        return
    lines = aligned((row.name, row.distribution, row.version, row.line) for row in rows)
    print("\n".join(lines) or "No plugins are installed.", file=console.file if console else None)


def _show_table(rows: Sequence[Row], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("plugin", "distribution", "version", "", box=None, pad_edge=False, header_style="dim")
    for row in rows:
        line = Text(row.line, style="red" if row.fault else "")
        table.add_row(Text(row.name, style="bold"), Text(row.distribution), Text(row.version), line)
    console.print(table if rows else "No plugins are installed.")


def _row(found: Installed) -> Row:
    distribution, version = _name_and_version(found)
    try:
        return Row(found.name, distribution, version, summary=summary_of(found))
    except CallsheetError as error:
        return Row(found.name, distribution, version, fault=str(error))


def _name_and_version(found: Installed) -> tuple[str, str]:
    """By hand, because `importlib.metadata` parses the whole README as an e-mail, 0.1 ms for each question."""
    dist = found.entry_point.dist
    text = (dist and (dist.read_text("METADATA") or dist.read_text("PKG-INFO"))) or ""
    name, version = (re.search(rf"^{key}:[ \t]*(\S+)", text, re.MULTILINE) for key in ("Name", "Version"))
    return name[1] if name else "unknown", version[1] if version else "unknown"
