"""Several ranks: a checkpoint waits for the slowest disk, and no rank waits for another in a step."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ranks import on_ranks

from callsheet.distributed.collectives import barrier
from callsheet.plugins.lineup import Lineup
from callsheet.process.signals import Interrupted
from callsheet.records import LogContext, ManifestRow
from callsheet.rundir import atomic
from callsheet.rundir.rundir import RunDir
from callsheet.session.beside.late_checkpoints import LateCheckpoints
from callsheet.session.beside.parts import Late
from callsheet.session.session import Session


def begun(folder: Path, rank: int, heard: list[str]) -> LateCheckpoints:
    return LateCheckpoints(RunDir(folder, is_main=rank == 0), rank, lambda row: heard.append(row.name), Lineup({}))


def row_at(folder: Path) -> ManifestRow:
    (folder / "checkpoint-1").mkdir(exist_ok=True)
    return ManifestRow("checkpoint-1", 1, 0.0, folder / "checkpoint-1")


def test_rank_0_learns_when_the_other_has_written(tmp_path: Path) -> None:
    def work(rank: int) -> Any:
        heard: list[str] = []
        late, row, may_write = begun(tmp_path, rank, heard), row_at(tmp_path), tmp_path / "may-write"

        def write() -> None:
            while not may_write.exists():
                time.sleep(0.01)

        if rank == 1:
            late.parts.add(write, row)
        was_complete = late.add(row)
        looked = late.look()
        if rank == 0:
            may_write.touch()
            while not late.look():
                time.sleep(0.01)
        before_the_barrier = [*heard]
        barrier()
        return was_complete, looked, before_the_barrier, late.wait(), heard

    main, other = on_ranks(2, work)
    assert main == (False, False, ["checkpoint-1"], True, ["checkpoint-1"])
    assert other == (False, False, [], True, [])
    assert [path.name for path in (tmp_path / "callsheet").iterdir()] == []


def test_all_ranks_learn_of_a_part_that_one_could_not_write(tmp_path: Path) -> None:
    def work(rank: int) -> Any:
        heard: list[str] = []
        late, row = begun(tmp_path, rank, heard), row_at(tmp_path)

        def write() -> None:
            if rank == 1:
                raise OSError("disk full")

        late.parts.add(write, row)
        late.add(row)
        try:
            return late.wait(), heard
        except OSError as error:  # of no plugin
            return str(error), heard

    assert on_ranks(2, work) == [(False, []), ("disk full", [])]
    assert "disk full" in (tmp_path / "events.jsonl").read_text()


def test_without_parts_it_is_complete_at_once(tmp_path: Path) -> None:
    def work(rank: int) -> Any:
        heard: list[str] = []
        late = begun(tmp_path, rank, heard)
        return late.add(row_at(tmp_path)), late.look(), late.wait(), heard

    assert on_ranks(2, work) == [(True, False, False, ["checkpoint-1"])] * 2


def test_what_all_ranks_have_told_needs_no_file_that_the_disk_may_show_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    late, row = begun(tmp_path, 0, heard), row_at(tmp_path)
    late.parts.add(lambda: None, row)
    late.add(row)
    monkeypatch.setattr(Late, "is_written", lambda late: False)
    assert late.wait() and heard == ["checkpoint-1"]


@pytest.mark.parametrize("end", [lambda late: late.wait(), lambda late: late.finish(lambda: False)])
def test_a_rank_that_has_no_room_to_say_that_it_has_written_fails_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:
    def fail(*about: Any) -> None:
        raise OSError("No space left")

    heard: list[str] = []
    late, row = begun(tmp_path, 0, heard), row_at(tmp_path)
    monkeypatch.setattr(atomic, "write", fail)
    late.parts.add(lambda: None, row)
    late.add(row)
    assert not end(late) and not heard
    assert "No space left" in (tmp_path / "events.jsonl").read_text()


def test_an_end_at_once_waits_for_no_disk_and_leaves_no_file(tmp_path: Path) -> None:
    heard: list[str] = []
    late, row, began, may_write = begun(tmp_path, 0, heard), row_at(tmp_path), threading.Event(), threading.Event()

    def write() -> None:
        began.set()
        assert may_write.wait(60)

    part = late.parts.add(write, row)
    late.add(row)
    assert began.wait(60)
    late.finish(lambda: True)
    assert not part.done() and not heard
    may_write.set()
    part.result(60)
    assert not [*(tmp_path / "callsheet").iterdir()]


def test_a_checkpoint_that_was_never_finished_leaves_nothing_to_a_later_one_of_its_name(tmp_path: Path) -> None:
    heard: list[str] = []
    late, row, began, may_end = begun(tmp_path, 0, heard), row_at(tmp_path), threading.Event(), threading.Event()

    def write() -> None:
        began.set()
        assert may_end.wait(60)

    late.parts.add(write, row)
    late.parts.add(lambda: None, row)  # and then another plugin raises, so nobody adds the checkpoint
    assert began.wait(60)
    late.finish(lambda: False)
    may_end.set()
    late.parts.add(lambda: None, row)
    late.add(row)
    assert late.wait() and heard == ["checkpoint-1"]


def test_a_launcher_that_stops_who_is_left_cuts_no_wait_for_the_disk_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, failed = Session(LogContext(tmp_path), {}), RuntimeError("broken")
    assert not session._wants_out(failed, None)
    session.signals.received = signal.SIGTERM
    assert session._wants_out(failed, None), "somebody wants a lone process to end"
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not session._wants_out(failed, None)
    assert session._wants_out(Interrupted(signal.SIGTERM), None), "it was the second signal"
