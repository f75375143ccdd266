"""Writes the trainer's logs to a table for spreadsheets and pandas: `metrics.csv` in the run directory."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import Plugin, hookimpl, setting
from callsheet.disk.inside import Inside
from callsheet.rundir import atomic
from callsheet.secrets import redact
from callsheet.values import number

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from callsheet.records import LogContext, LoopState, PreflightReport

FIRST_COLUMNS = ("step", "epoch", "split")


class CsvMetrics(Plugin):
    """Add one row to a CSV file each time the trainer logs, as often as trainer.args.logging_steps says.

    Columns are step, epoch, split (train or eval), then metrics in the order in which they first appear. A resumed run
    continues the same file, and removes rows of later steps than the one that it resumes from.
    """

    filename: str = setting("metrics.csv", help="The file's name in the run directory.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._table: Table | None = None

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        if Path(self.filename).name != self.filename or not self.filename.endswith(".csv"):
            report.problem(f"plugins.csv_metrics.filename must be a bare name ending in .csv, got {self.filename!r}.")

    @hookimpl
    def add_callbacks(self, state: LoopState, add: Callable[[TrainerCallback], None]) -> None:
        add(_row_writer(self._add))

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        self._table = Table(state.ctx.run_dir / self.filename)  # in a script, run_dir is not known earlier
        if state.resumed_from is not None:
            self._table.drop_after(state.step)

    def _add(self, row: Mapping[str, Any]) -> None:
        if self._table is not None:
            self._table.add(row)


class Table:
    """A CSV file that grows by rows and columns; after a kill at any moment, it drops at most a torn last row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns: list[str] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Append `row`; the file is closed when this returns. New columns are empty in earlier rows."""
        if not self._columns or not row.keys() <= set(self._columns):
            self._widen(row)
        Inside(self.path.parent).append(self.path, _text([row.get(column, "") for column in self._columns]))

    def drop_after(self, step: int) -> None:
        """Remove rows of later steps."""
        columns, rows = self._read()
        if columns:
            self._write(columns, [row for row in rows if int(row["step"]) <= step])

    def _widen(self, row: Mapping[str, Any]) -> None:
        columns, rows = self._read()
        self._columns = list(dict.fromkeys([*(columns or FIRST_COLUMNS), *row]))
        self._write(self._columns, rows)

    def _read(self) -> tuple[list[str], list[dict[str, str]]]:
        if not self.path.exists():
            return [], []
        text = _without_torn_row(self.path.read_text(encoding="utf-8", errors="replace"))
        reader = csv.DictReader(io.StringIO(text, newline=""))
        return list(reader.fieldnames or []), list(reader)

    def _write(self, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        body = "".join(_text([row.get(column, "") for column in columns]) for row in rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(self.path) as temporary:
            atomic.write(temporary, _text(columns) + body)


def _text(cells: Iterable[Any]) -> str:
    """One line of CSV. `\\r` becomes `\\n` in cells: csv writes it without quotes, and reads it as the end of a row."""
    line = io.StringIO(newline="")
    cells = [cell.replace("\r", "\n") if isinstance(cell, str) else cell for cell in cells]
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _without_torn_row(text: str) -> str:
    """`text` up to its last complete row: a newline ends a row if every quote before it is closed."""
    end = text.rfind("\n") + 1
    while text.count('"', 0, end) % 2:
        end = text.rfind("\n", 0, end - 1) + 1
    return text[:end]


def _cell(value: Any) -> Any:
    """A number as one, also a scalar of numpy or torch; anything else as it is."""
    try:
        return value if value is None else number(value)
    except TypeError:
        return value


def _row_writer(add: Callable[[Mapping[str, Any]], None]) -> TrainerCallback:
    from transformers import TrainerCallback

    class WriteRow(TrainerCallback):
        def on_log(
            self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **kwargs: Any
        ) -> None:
            values = {name: _cell(value) for name, value in (logs or {}).items()}
            split = "eval" if any(name.startswith("eval_") for name in values) else "train"
            add({"step": state.global_step, "epoch": state.epoch, "split": split} | redact(values))

    return WriteRow()
