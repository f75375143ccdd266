from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from callsheet.disk.descent import Outside
from callsheet.errors import CallsheetError
from callsheet.experiments.arms import Arm
from callsheet.experiments.queue import Claim, Entry, Queue
from callsheet.experiments.queue.claims import Move, claim_in, move_in
from callsheet.experiments.queue.records import of

NOT_JSON = {"empty": b"", "torn": b'{"name": "a"', "other": b"[1]", "bytes": b"\xff\xfe"}


def claimed(queue: Queue, name: str = "a", worker: str = "w", number: int = 1) -> tuple[Claim, Entry]:
    claim = queue.claim(name, worker, number)
    assert claim
    entry = queue.read_claimed(claim)
    assert entry
    return claim, entry


def test_an_arm_is_claimed_once_and_settled_once(queue: Queue) -> None:
    claim, entry = claimed(queue)
    assert queue.claim("a", "another", 1) is None
    assert queue.settle(claim, replace(entry, status="completed"), "done")
    assert not queue.settle(claim, replace(entry, status="failed"), "failed")
    assert queue.states() == {"a": "done", "b": "pending", "c": "pending"}
    found = queue.read("done", "a")
    assert found and (found.status, found.overrides, found.differs) == ("completed", ("x=a",), {"x": "a"})


def test_of_many_who_claim_one_arm_one_gets_it(queue: Queue) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda number: queue.claim("a", f"w{number}", 1), range(8))]
    assert sum(claim is not None for claim in found) == 1


def test_of_many_who_take_one_claim_away_one_does_and_its_holder_cannot_settle(queue: Queue) -> None:
    claim, entry = claimed(queue)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: queue.give_back(claim, entry), range(8))) == 1
    again, _ = claimed(queue, number=2)
    assert not queue.beat(claim) and queue.beat(again)
    assert not queue.settle(claim, replace(entry, status="completed"), "done")
    assert queue.states()["a"] == "active"


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_kill_at_any_moment_of_a_move_loses_and_doubles_nothing(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """A move writes its draft by a rename, renames the claim, publishes the draft by a rename, and removes the mark."""
    claim, entry = claimed(queue)
    real = {name: getattr(os, name) for name in ("replace", "rename", "unlink")}
    calls = []

    def dying(name: str):
        def call(*args, **kwargs):
            if name != "unlink" or str(args[0]).endswith(".moved"):
                calls.append(name)
                if len(calls) == step:
                    raise SystemExit
            return real[name](*args, **kwargs)

        return call

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        for name in real:
            patch.setattr(os, name, dying(name))
        queue.settle(claim, replace(entry, status="completed"), "done")
    assert queue.states()["a"] == ("done" if step == 4 else "active")
    queue.finish_moves()
    assert queue.states()["a"] == ("active" if step <= 2 else "done")
    assert not queue.moves()
    assert queue.settle(claim, replace(entry, status="completed"), "done") == (step <= 2)


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
def test_a_damaged_file_harms_itself_only(queue: Queue, content: bytes) -> None:
    queue.path("pending", "a").write_bytes(content)
    found = {entry.name: entry for _, entry in queue.entries()}
    assert sorted(found) == ["a", "b", "c"] and found["b"].status is None
    assert found["a"].status == "unreadable" and "arms/pending/a.json" in str(found["a"].error)
    assert queue.set_aside("pending", "a")
    assert queue.path("failed", "a").read_bytes() == content


@pytest.mark.parametrize(
    "wrong", [{"name": "b"}, {"after": "a"}, {"after": "../x"}, {"overrides": "x=1"}, {"status": "\x1b[31m"}]
)
def test_a_file_that_says_what_cannot_be_names_the_field(queue: Queue, wrong: dict) -> None:
    path = queue.path("pending", "a")
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    found = queue.read("pending", "a")
    assert found and found.status == "unreadable" and next(iter(wrong)) in str(found.error)


def test_a_link_in_place_of_an_arm_or_a_folder_is_not_followed(queue: Queue, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.json").write_text(queue.path("pending", "a").read_text())
    queue.path("pending", "a").unlink()
    queue.path("pending", "a").symlink_to(outside / "a.json")
    found = queue.read("pending", "a")
    assert found and found.status == "unreadable" and "symbolic link" in str(found.error)
    claim, entry = claimed(queue, "b")
    (queue.folder / "done").rmdir()
    (queue.folder / "done").symlink_to(outside)
    with pytest.raises(Outside, match="symbolic link"):
        queue.settle(claim, entry, "done")
    assert [path.name for path in outside.iterdir()] == ["a.json"]


def test_a_folder_that_is_gone_loses_no_arm(queue: Queue) -> None:
    claim, entry = claimed(queue)
    (queue.folder / "done").rmdir()
    with pytest.raises(FileNotFoundError):
        queue.settle(claim, replace(entry, status="completed"), "done")
    assert queue.states()["a"] == "active"
    queue.make()
    queue.finish_moves()
    assert queue.states()["a"] == "done"


def test_a_folder_with_the_name_of_an_arm_gives_way(queue: Queue) -> None:
    queue.path("done", "a").mkdir()
    (queue.path("done", "a") / "kept").touch()
    queue.path("failed", "b").mkdir()
    queue.path("pending", "b").write_text("{")
    assert queue.set_aside("pending", "b") and queue.path("failed", "b").read_text() == "{"
    claim, entry = claimed(queue)
    assert queue.settle(claim, replace(entry, status="completed"), "done")
    found = queue.read("done", "a")
    assert found and found.status == "completed"
    assert [*(queue.folder / "done").glob(".a.json.*/kept")]


def test_an_arm_is_added_once_wherever_it_lies(queue: Queue) -> None:
    claim, entry = claimed(queue)
    assert not queue.add(entry)
    queue.settle(claim, entry, "done")
    assert not queue.add(entry)
    assert queue.add(of(Arm("d", "d")))
    with pytest.raises(CallsheetError, match=r"'\.\./x' can be the name of no arm"):
        queue.add(of(Arm("../x", "x")))


def test_a_settled_arm_is_put_again(queue: Queue) -> None:
    claim, entry = claimed(queue)
    queue.settle(claim, replace(entry, status="failed"), "failed")
    assert queue.put_again(entry, "failed")
    assert not queue.put_again(entry, "failed")
    assert queue.states()["a"] == "pending" and not queue.moves()


@pytest.mark.parametrize("name", ["a", "a@b", "lr=1e-3__s1.2", "x.moved", "y.draft", "über"])
def test_names_of_files_say_which_arm_they_are_of(queue: Queue, name: str) -> None:
    claim = Claim(name, "host-1-abc", 12)
    assert claim_in(claim.file) == claim
    queue.add(of(Arm(name, name)))
    held, entry = claimed(queue, name)
    move = Move(name, "done", "1a")
    assert move_in(move.file) == move and claim_in(move.file) is None
    assert queue.settle(held, entry, "done") and queue.states()[name] == "done"
    assert queue.names("done") == [name]
