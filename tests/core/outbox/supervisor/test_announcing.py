"""What came back is announced, also where there was no room for it at first, and where it is not what it should be."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Any

import pytest
from waiting import PATIENCE

from callsheet import LogContext, Plugin, hookimpl
from callsheet.errors import PluginFailure
from callsheet.outbox import Outbox
from callsheet.outbox.counts import counts_of, put_aside
from callsheet.outbox.entries import Entry, to_json
from callsheet.outbox.store import DONE, FAILED, EntryStore
from callsheet.outbox.supervisor.announcing import Results
from callsheet.plugins.lineup import Lineup
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
    """As on a full disk: no file of this process grows beyond `size` bytes, nor of those that it starts."""
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    # Python would keep what it compiles, cut short, and fail over it for ever.
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    try:
        yield
    finally:
        monkeypatch.undo()
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


def test_what_hooks_put_for_the_last_result_is_waited_for_too(session, monkeypatch):
    left, supervisor = session.supervisor._left, session.supervisor

    def last_one_comes_back():
        found = left()
        if not found and not session.lineup.members[0].plugin.heard:
            came_back(session, {"revision": REVISION})
        return found

    monkeypatch.setattr(supervisor, "_left", last_one_comes_back)
    supervisor.wait(PATIENCE)
    assert (session.run_dir.path / "shelf" / "c").is_dir() and counts_of(session.run_dir.path)["left"] == 0


def test_predictions_are_kept_and_read_only_by_who_looks_at_them(session):
    (session.run_dir.path / "left.jsonl").write_text('{"answer": "b"}\n{"answer": "c"}\n')
    scored = {"result": {"name": "words", "metrics": {"a": 1.0}}, "predictions": "left.jsonl", "step": 2}
    came_back(session, {"evals": [scored]})
    came_back(session, {"evals": [scored]}, "the same, after a crash")
    look(session)
    kept = session.run_dir.path / "predictions" / "words-2.jsonl"
    assert kept.samefile(session.run_dir.path / "left.jsonl") and [*kept.parent.iterdir()] == [kept]
    (first, second) = session.lineup.members[0].plugin.scored
    assert not first._is_read and [row["answer"] for row in first] == ["b", "c"] and second[-1] == first[1]
    assert len([*session.run_dir.rows("evals.jsonl")]) == 2, "two entries, two rows"


ODD = [
    {"revision": {"sha": 1}}, {"revision": 3}, {"revision": {**REVISION, "commit": [1]}}, {"evals": [{"score": 1}]},
    {"evals": 1}, {"evals": [3]},
    {"evals": [{"result": {"name": "a", "metrics": {}}, "predictions": "x" * 300}]},
]  # fmt: skip


@pytest.mark.parametrize("result", ODD, ids=str)
def test_what_is_no_result_is_said_once_and_keeps_nothing_else_from_being_announced(session, result):
    came_back(session, result)
    came_back(session, {"revision": REVISION}, "two")
    look(session)
    look(session)
    rows = [json.loads(line) for line in (session.run_dir.path / "events.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows if row["event"] == "not_announced"] == ["one"]
    assert sorted(announced(session)) == ["one", "two"]
    counts = counts_of(session.run_dir.path)
    assert counts["aside"] == 1 and "unannounced" not in counts and put_aside(session.run_dir.path) == ["one"]
    assert session.lineup.members[0].plugin.heard == ["c"], "the rest goes on"


@pytest.mark.parametrize("name", ["org/task", "n" * 240, "../../up", "a\nb", "ä" * 200, "", ".hidden", "nul\0"])
def test_whatever_a_benchmark_is_called_its_predictions_have_a_file_inside_the_run(session, name):
    (session.run_dir.path / "left.jsonl").write_text('{"answer": "b"}\n')
    for step in (1, 2):
        result = {"name": name, "metrics": {"a": 1.0}}
        came_back(session, {"evals": [{"result": result, "predictions": "left.jsonl", "step": step}]}, str(step))
    look(session)
    rows = [*session.run_dir.rows("evals.jsonl")]
    kept = [session.run_dir.path / row["predictions"] for row in rows]
    assert (
        [row["name"] for row in rows] == [name] * 2
        and len({*kept}) == 2
        and "aside" not in counts_of(session.run_dir.path)
    )
    assert all(path.parent == session.run_dir.path / "predictions" and path.is_file() for path in kept)


def test_an_announcement_that_is_tried_again_makes_no_second_row(session, monkeypatch):
    scores = [{"result": {"name": "words", "metrics": {"a": 1.0}}, "step": step} for step in (1, 2)]
    came_back(session, {"revision": REVISION, "evals": scores})
    with files_end_at(5_000):  # what a hook puts for the revision does not fit
        look(session)
    assert not announced(session) and counts_of(session.run_dir.path)["unannounced"] == 1
    session.announcer._known = None  # as in the process of a drain
    look(session)
    assert announced(session) == ["one"] and [row["step"] for row in session.run_dir.rows("evals.jsonl")] == [1, 2]


def test_one_odd_part_of_a_result_takes_no_other_with_it(session, caplog):
    metrics = {"a": 1.0, "b": None, "c": "text", "d": {"e": True}}
    good = {"result": {"name": "words", "metrics": metrics, "later": 3}, "step": 2, "left_out": {"f": "a list of 2"}}
    came_back(session, {"revision": {"sha": 1}, "evals": [3, good]})
    look(session)
    (row,) = session.run_dir.rows("evals.jsonl")
    assert row["metrics"] == {"a": 1.0, "b": None, "d/e": 1} and put_aside(session.run_dir.path) == ["one"]
    assert "The score 'words' was handed what it cannot take: c is text." in caplog.text
    assert "the results of words hold what is left out: f is a list of 2." in caplog.text


def test_a_plugin_that_raises_ends_a_run_and_blocks_no_drain(session):
    class Raises(Plugin):
        @hookimpl
        def on_revision(self, ctx, revision):
            assert revision.commit != "c", "not this one"

    lineup = Lineup({"raises": Raises(on_error="raise")})
    for id, commit in (("one", "c"), ("two", "d")):
        came_back(session, {"revision": {**REVISION, "commit": commit}}, id)
    arguments = session.run_dir, session.ctx, lineup.hooks, print
    with pytest.raises(PluginFailure, match="not this one"):
        Results(*arguments).announce()
    assert Results(*arguments, is_run=False).announce() == 2 and put_aside(session.run_dir.path) == ["one"]


def drain(run_dir, what, *arguments):
    command = [sys.executable, "-m", "callsheet", "outbox", what, run_dir, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "400"})


def test_a_drain_says_what_it_could_not_announce_and_a_retry_announces_it(tmp_path, shipping):
    store, run_dir = EntryStore(tmp_path), str(tmp_path)
    store.make()
    (tmp_path / "config.yaml").write_text("{}")
    (tmp_path / "run.json").write_text(json.dumps({"run": "run"}))
    for id, result in (("bad", {"revision": {"sha": 1}}), ("good", {"revision": REVISION})):
        atomic.write(store.path(DONE, id), to_json(Entry(id, "shelf", id, {}, 0.0, finished_at=1.0, result=result)))

    first = drain(run_dir, "drain")
    assert first.returncode == 3 and "Everything" not in first.stdout
    assert f"Not everything is announced: 1 put aside; callsheet outbox {run_dir} says why" in first.stdout
    listed = drain(run_dir, "list").stdout
    assert (
        "Put aside: What the handler of kind 'shelf' left cannot be announced: the revision: it has no repo." in listed
    )
    assert drain(run_dir, "drain").returncode == 3, "the second is as true as the first"

    atomic.write(store.path(DONE, "bad"), to_json(Entry("bad", "shelf", "bad", {}, 0.0, result={"revision": REVISION})))
    assert "bad: to be announced again" in drain(run_dir, "retry", "bad").stdout
    last = drain(run_dir, "drain")
    assert last.returncode == 0 and "Everything is published: 2 done." in last.stdout


@pytest.mark.parametrize("room", [0, 5_000])
def test_a_drain_of_a_run_on_a_full_disk_says_so_in_one_sentence(tmp_path, shipping, room):
    Outbox(tmp_path).put("shelf", {"to": str(tmp_path), "by_hand": "no"}, key="1")
    (tmp_path / "config.yaml").write_text("{}")
    (tmp_path / "run.json").write_text(json.dumps({"run": "run", "more": "x" * 10_000}))
    command = [sys.executable, "-m", "callsheet", "outbox", "drain", str(tmp_path), "--seconds", "1"]
    with files_end_at(room):
        done = subprocess.run(command, capture_output=True, text=True)
    assert (
        done.returncode == 2
        and "largest file that this process may write" in done.stderr
        and "Traceback" not in done.stderr
    )


def test_a_retry_on_a_full_disk_says_so_and_keeps_what_failed(tmp_path, shipping):
    store = EntryStore(tmp_path)
    store.make()
    atomic.write(store.path(FAILED, "1"), to_json(Entry("1", "shelf", "1", {}, 0.0)))
    command = [sys.executable, "-m", "callsheet", "outbox", "retry", str(tmp_path), "1"]
    with files_end_at(0):
        done = subprocess.run(command, capture_output=True, text=True)
    assert (
        done.returncode == 2
        and "largest file that this process may write" in done.stderr
        and "Traceback" not in done.stderr
    )
    assert store.read(FAILED, "1") and store.retry("1")
