"""What came back is announced, also where there was no room for it at first, and where it is not what it should be."""

import json
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Any

import pytest

from callsheet import LogContext, Plugin, hookimpl
from callsheet.outbox import Outbox
from callsheet.outbox.entries import Entry, to_json
from callsheet.outbox.store import DONE, FAILED, EntryStore
from callsheet.rundir import atomic
from callsheet.session.session import Session

REVISION = {"repo": "me/model", "branch": "b", "commit": "c", "step": 2, "checkpoint": "checkpoint-2"}


class Listener(Plugin):
    """Puts an entry for each revision that it hears of."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.heard: list[str] = []
        self.scored: list[Any] = []

    @hookimpl
    def on_revision(self, ctx, revision):
        self.heard.append(revision.commit)
        ctx.outbox.put("shelf", {"text": "x" * 10_000, "to": str(ctx.run_dir / "shelf")}, key=revision.commit)

    @hookimpl
    def on_benchmark_eval(self, ctx, eval_result, predictions, step):
        self.scored.append(predictions)


@contextmanager
def files_end_at(size):
    """As on a full disk: no file of this process grows beyond `size` bytes."""
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.fixture
def session(tmp_path, shipping):
    with Session(LogContext(tmp_path / "run", run="run"), {"listener": Listener()}) as session:
        session.supervisor._in_use = True
        EntryStore(tmp_path / "run").make()
        yield session


def came_back(session, result, id="one"):
    entry = Entry(id, "shelf", id, {}, time.time(), finished_at=time.time(), result=result)
    atomic.write(session.supervisor.store.path(DONE, id), to_json(entry))


def look(session):
    session.supervisor._looked = session.supervisor._room_at = float("-inf")
    session.supervisor.look()


def announced(session):
    return [row["id"] for row in session.run_dir.rows("outbox/announced.jsonl")]


@pytest.mark.parametrize("size", [0, 5_000], ids=["nothing", "what hooks put for it"])
def test_where_there_is_no_room_training_goes_on_and_it_is_announced_later(session, size):
    came_back(session, {"revision": REVISION})
    with files_end_at(size):
        look(session)
    assert not announced(session)
    look(session)
    assert announced(session) == ["one"] and session.lineup.members[0].plugin.heard[-1] == "c"
    assert len(session.supervisor.put_lately()) == 1, "what was put for it is not lost either"


def test_predictions_are_kept_and_read_only_by_who_looks_at_them(session):
    (session.run_dir.path / "left.jsonl").write_text('{"answer": "b"}\n{"answer": "c"}\n')
    scored = {"result": {"name": "words", "metrics": {"a": 1.0}}, "predictions": "left.jsonl", "step": 2}
    came_back(session, {"evals": [scored]})
    came_back(session, {"evals": [scored]}, "the same, after a crash")
    look(session)
    kept = session.run_dir.path / "predictions" / "words-2.jsonl"
    assert kept.samefile(session.run_dir.path / "left.jsonl") and [*kept.parent.iterdir()] == [kept]
    (first, second) = session.lineup.members[0].plugin.scored
    assert "_rows" not in vars(first) and [row["answer"] for row in first] == ["b", "c"] and second[-1] == first[1]


@pytest.mark.parametrize("result", [{"revision": {"sha": 1}}, {"revision": 3}, {"evals": [{"score": 1}]}, {"evals": 1}])
def test_what_is_no_result_is_said_once_and_keeps_nothing_else_from_being_announced(session, result):
    came_back(session, result)
    came_back(session, {"revision": REVISION}, "two")
    look(session)
    look(session)
    rows = [json.loads(line) for line in (session.run_dir.path / "events.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows if row["event"] == "not_announced"] == ["one"]
    assert sorted(announced(session)) == ["one", "two"]


@pytest.mark.parametrize("room", [0, 5_000])
def test_a_drain_of_a_run_on_a_full_disk_says_so_in_one_sentence(tmp_path, shipping, room):
    Outbox(tmp_path).put("shelf", {"to": str(tmp_path), "by_hand": "no"}, key="1")
    (tmp_path / "config.yaml").write_text("{}")
    (tmp_path / "run.json").write_text(json.dumps({"run": "run", "more": "x" * 10_000}))
    command = [sys.executable, "-m", "callsheet", "outbox", "drain", str(tmp_path), "--seconds", "1"]
    with files_end_at(room):
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_a_retry_on_a_full_disk_says_so_and_keeps_what_failed(tmp_path, shipping):
    store = EntryStore(tmp_path)
    store.make()
    atomic.write(store.path(FAILED, "1"), to_json(Entry("1", "shelf", "1", {}, 0.0)))
    command = [sys.executable, "-m", "callsheet", "outbox", "retry", str(tmp_path), "1"]
    with files_end_at(0):
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert store.read(FAILED, "1") and store.retry("1")
