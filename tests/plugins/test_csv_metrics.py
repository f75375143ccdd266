"""csv_metrics: one table for the whole run, whatever happened to it on the way."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callsheet import LogContext, LoopState, ManifestRow
from callsheet_plugins.csv_metrics import CsvMetrics, Table


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def state_at(run_dir: Path, step: int, resumed: bool) -> LoopState:
    row = ManifestRow(f"checkpoint-{step}", step, 0.0, run_dir / f"checkpoint-{step}")
    context = LogContext(run_dir)
    return LoopState(context, lambda *a: None, lambda *a: None, step=step, resumed_from=row if resumed else None)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "metrics.csv")


def test_a_run_leaves_a_row_for_every_log(run_demo: Callable[..., Any]) -> None:
    session = run_demo("plugins=[csv_metrics]")
    rows = read(session.run_dir.path / "metrics.csv")
    assert [row["step"] for row in rows if row["split"] == "train" and row["loss"]] == ["1", "2", "3", "4"]
    assert [row["step"] for row in rows if row["split"] == "eval"] == ["2", "4"]
    assert all(float(row["eval_loss"]) > 0 for row in rows if row["split"] == "eval")


def test_columns_come_in_the_order_in_which_they_appear(table: Table) -> None:
    table.add({"step": 1, "epoch": 0.1, "split": "train", "loss": 2.0})
    table.add({"step": 1, "epoch": 0.1, "split": "eval", "eval_loss": 3.0})
    assert table.path.read_text() == "step,epoch,split,loss,eval_loss\n1,0.1,train,2.0,\n1,0.1,eval,,3.0\n"


def test_a_new_column_keeps_every_old_row(table: Table) -> None:
    for step in range(50):
        table.add({"step": step, "loss": step / 3})
    table.add({"step": 50, "reward": 1.0})
    rows = read(table.path)
    assert [float(row["loss"]) for row in rows[:50]] == [step / 3 for step in range(50)]
    assert rows[50]["reward"] == "1.0" and rows[0]["reward"] == ""


def test_a_kill_while_the_header_widens_loses_nothing(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    table.add({"step": 1, "loss": 2.0})
    before = table.path.read_text()
    for moves in ("rename", "replace"):
        monkeypatch.setattr(Path, moves, lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        table.add({"step": 2, "reward": 1.0})
    assert table.path.read_text() == before


@pytest.mark.parametrize("cell", ["a,b", "two\nlines", 'say "hi"', "", 'ends in quote"\n'])
def test_awkward_values_come_back_as_they_were(table: Table, cell: str) -> None:
    table.add({"step": 1, "note": cell})
    table.add({"step": 2, "note": cell, "new": 1})
    assert [row["note"] for row in read(table.path)] == [cell, cell]


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_torn_last_row_is_dropped_and_the_others_kept(table: Table, cut: int) -> None:
    table.add({"step": 1, "note": "whole\nrow"})
    whole = table.path.read_text()
    table.add({"step": 2, "note": 'torn, "by"\na kill'})
    torn = table.path.read_text()[:-cut]
    assert len(torn) > len(whole)
    table.path.write_text(torn)
    Table(table.path).add({"step": 3, "note": "after"})
    assert [(row["step"], row["note"]) for row in read(table.path)] == [("1", "whole\nrow"), ("3", "after")]


def test_an_empty_file_gets_a_header(table: Table) -> None:
    table.path.touch()
    table.add({"step": 1, "loss": 2.0})
    assert read(table.path)[0]["loss"] == "2.0"


def test_a_resumed_run_drops_the_rows_past_its_checkpoint(tmp_path: Path, table: Table) -> None:
    for step in (2, 4, 6):
        table.add({"step": step, "loss": 1.0})
    CsvMetrics().on_train_start(state_at(tmp_path, 4, resumed=True))
    assert [row["step"] for row in read(table.path)] == ["2", "4"]


def test_a_run_that_begins_keeps_the_rows_that_are_there(tmp_path: Path, table: Table) -> None:
    table.add({"step": 6, "loss": 1.0})
    CsvMetrics().on_train_start(state_at(tmp_path, 0, resumed=False))
    table.add({"step": 1, "loss": 1.0})
    assert [row["step"] for row in read(table.path)] == ["6", "1"]


def test_a_row_is_on_disk_as_soon_as_it_was_logged(table: Table) -> None:
    table.add({"step": 1, "loss": 2.0})
    table.add({"step": 2, "loss": 3.0})
    assert table.path.read_text().endswith("2,,,3.0\n")


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_plugins.csv_metrics")


def test_a_folder_in_the_filename_is_made(tmp_path: Path) -> None:
    table = Table(tmp_path / "tables" / "metrics.csv")
    table.add({"step": 1})
    assert read(table.path)[0]["step"] == "1"
