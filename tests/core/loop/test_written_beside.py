"""A checkpoint is complete once what plugins write beside training is on disk, and not before."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import callsheet
from callsheet import Plugin, hookimpl
from callsheet.errors import PluginFailure
from callsheet.records import ManifestRow


class Slow(Plugin):
    """Writes a part of each checkpoint beside training, from the moment on that it may, and notes what it hears."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.may_write, self.error = threading.Event(), ""
        self.heard: list[Any] = []
        self.listed: dict[int, list[str]] = {}
        self.kept: dict[int, list[str]] = {}

    @hookimpl
    def on_checkpoint(self, state: Any, row: ManifestRow) -> None:
        error = self.error

        def write() -> None:
            assert self.may_write.wait(60)
            if said := error or self.error:  # set at the save, or while it waits
                raise OSError(said)
            (row.folder(self) / "part").write_text("whole")

        self.written = state.write_beside(write, row)

    @hookimpl
    def on_step_end(self, state: Any, step_idx: int) -> None:
        self.heard.append(step_idx)
        self.listed[step_idx] = listed(state.ctx.run_dir)
        self.kept[step_idx] = kept(state.ctx.run_dir)
        if step_idx == 3:
            self.may_write.set()
            state.write_beside(lambda: None).result(60)  # tasks are done in order: the part is written now

    @hookimpl
    def on_checkpoint_complete(self, ctx: Any, row: ManifestRow) -> None:
        assert (row.folder(self) / "part").read_text() == "whole" and row.name not in listed(ctx.run_dir)
        assert threading.current_thread() is threading.main_thread()
        self.heard.append(row.name)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("checkpoint-*"))


def listed(folder: Path) -> list[str]:
    file = folder / "checkpoints.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return sorted({json.loads(line)["name"] for line in lines})


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    rows = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return [row for row in rows if row["event"] == kind]


def trained(tiny_trainer: Any, slow: Slow, **arguments: Any) -> Path:
    trainer = tiny_trainer(**arguments)
    callsheet.attach(trainer, slow)
    trainer.train()
    return Path(trainer.args.output_dir)


def test_it_is_listed_and_announced_a_step_after_it_was_written(tiny_trainer: Any) -> None:
    slow = Slow(on_error="raise")
    folder = trained(tiny_trainer, slow)
    assert slow.listed[3] == [] and slow.listed[4] == ["checkpoint-2"]
    assert slow.heard[:4] == [1, 2, 3, "checkpoint-2"]
    assert listed(folder) == ["checkpoint-2", "checkpoint-4", "checkpoint-6"] and slow.heard[-1] == "checkpoint-6"
    manifest = [json.loads(line) for line in (folder / "checkpoints.jsonl").read_text().splitlines()]
    assert all("callsheet/slow/part" in row["files"] for row in manifest)
    assert [event["checkpoint"] for event in events(folder, "completed_late")] == listed(folder)
    assert not list((folder / "callsheet").glob(".*")), "no file of ours is left"


def test_the_older_checkpoint_is_kept_until_then(tiny_trainer: Any) -> None:
    slow = Slow(on_error="raise")
    slow.may_write.set()
    folder = trained(tiny_trainer, slow, save_total_limit=1, save_steps=1, max_steps=3)
    assert listed(folder) == ["checkpoint-1", "checkpoint-2", "checkpoint-3"] and kept(folder) == ["checkpoint-3"]
    late = Slow(on_error="raise")
    folder = trained(tiny_trainer, late, folder="late", save_total_limit=1, max_steps=4)
    assert late.kept[3] == ["checkpoint-2"]
    assert kept(folder) == ["checkpoint-4"]


class Breaks(Slow):
    """Cannot write its part of the checkpoint of step 4."""

    @hookimpl
    def on_step_end(self, state: Any, step_idx: int) -> None:
        super().on_step_end(state, step_idx)
        self.error = "disk full" if step_idx == 4 else ""

    @hookimpl
    def on_checkpoint_complete(self, ctx: Any, row: ManifestRow) -> None:
        self.heard.append(row.name)


def test_a_part_that_could_not_be_written_ends_the_run_and_its_checkpoint_does_not_count(tiny_trainer: Any) -> None:
    slow = Breaks(on_error="raise")
    slow.may_write.set()
    trainer = tiny_trainer(save_total_limit=1)
    callsheet.attach(trainer, slow)
    with pytest.raises(PluginFailure, match=r"Plugin 'breaks' .* raised in write_beside on rank 0: OSError: disk full"):
        trainer.train()
    folder = Path(trainer.args.output_dir)
    assert kept(folder) == ["checkpoint-2", "checkpoint-4"] and listed(folder) == ["checkpoint-2"]
    (event,) = events(folder, "not_completed")
    assert event["checkpoint"] == "checkpoint-4" and "disk full" in event["error"]


def test_where_the_run_goes_on_without_the_plugin_the_checkpoint_counts_without_its_part(
    tiny_trainer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Breaks(on_error="warn")
    slow.may_write.set()
    folder = trained(tiny_trainer, slow)
    assert listed(folder) == ["checkpoint-2", "checkpoint-4", "checkpoint-6"]
    assert [path.parts[-4] for path in sorted(folder.rglob("breaks/part"))] == ["checkpoint-2", "checkpoint-6"]
    assert "Plugin 'breaks'" in caplog.text and "OSError: disk full" in caplog.text
    (event,) = events(folder, "plugin_failed")
    assert event["hook"] == "write_beside"


def test_a_run_that_raises_waits_for_its_disk(tiny_trainer: Any) -> None:
    class Raises(Slow):
        @hookimpl
        def on_step_end(self, state: Any, step_idx: int) -> None:
            if step_idx == 3:
                threading.Timer(0.3, self.may_write.set).start()
                raise RuntimeError("broken")

    slow = Raises(on_error="raise")
    trainer = tiny_trainer()
    callsheet.attach(trainer, slow)
    with pytest.raises(Exception, match="broken"):
        trainer.train()
    assert listed(Path(trainer.args.output_dir)) == ["checkpoint-2"] and slow.heard[-1] == "checkpoint-2"


def test_what_is_written_beside_a_checkpoint_that_somebody_deletes_is_no_failure(tiny_trainer: Any) -> None:
    import shutil

    class Deletes(Slow):
        @hookimpl
        def on_step_end(self, state: Any, step_idx: int) -> None:
            if step_idx == 3:
                shutil.rmtree(state.ctx.run_dir / "checkpoint-2")
                self.error = "no such folder"
                self.may_write.set()
                assert self.written.exception(60) is None
                self.error = ""

    slow = Deletes(on_error="raise")
    folder = trained(tiny_trainer, slow)
    assert listed(folder) == ["checkpoint-4", "checkpoint-6"] and not events(folder, "not_completed")


def test_a_plugin_that_fails_when_a_checkpoint_is_complete_does_not_take_it_along(tiny_trainer: Any) -> None:
    class Fails(Plugin):
        @hookimpl
        def on_checkpoint_complete(self, ctx: Any, row: ManifestRow) -> None:
            raise RuntimeError("broken")

    trainer = tiny_trainer()
    callsheet.attach(trainer, Fails(on_error="raise"))
    with pytest.raises(PluginFailure, match="broken"):
        trainer.train()
    assert listed(Path(trainer.args.output_dir)) == ["checkpoint-2"]


def test_what_a_killed_attempt_left_is_removed(tiny_trainer: Any) -> None:
    trainer, slow = tiny_trainer(), Slow(on_error="raise")
    left = Path(trainer.args.output_dir) / "callsheet" / ".checkpoint-2-1-0a1b2c3d.written"
    left.parent.mkdir(parents=True)
    left.touch()
    callsheet.attach(trainer, slow)
    trainer.train()
    assert not [*left.parent.iterdir()]


def test_what_belongs_to_no_checkpoint_is_written_before_the_run_has_ended(tiny_trainer: Any) -> None:
    class Last(Plugin):
        @hookimpl
        def on_train_end(self, state: Any) -> None:
            def write() -> None:
                time.sleep(0.3)
                (state.ctx.run_dir / "last").write_text("whole")

            state.write_beside(write)

    trainer = tiny_trainer(max_steps=1, save_strategy="no")
    callsheet.attach(trainer, Last(on_error="raise"))
    trainer.train()
    assert (Path(trainer.args.output_dir) / "last").read_text() == "whole"
