"""What a hook puts into the outbox is whole on the disk, once, or not there at all."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from callsheet import LogContext
from callsheet.outbox import Outbox, snapshots
from callsheet.outbox.store import EntryStore
from callsheet.outbox.supervisor.recovery import restore
from callsheet.rundir.rundir import RunDir
from core.outbox.conftest import states


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "run" / "checkpoint-1"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"w" * 4096)
    (folder / "config.json").write_text("{}")
    return folder


def put(run_dir, checkpoint, **arguments):
    files = {path.name: path for path in checkpoint.iterdir()}
    return Outbox(run_dir).put("shelf", {"to": "x"}, files=files, **arguments)


def test_an_entry_and_its_files_outlive_the_checkpoint(tmp_path, shipping, checkpoint):
    id = put(tmp_path / "run", checkpoint, key="step 1/of 2")
    for path in checkpoint.iterdir():
        path.unlink()
    entry = json.loads((tmp_path / "run" / "outbox" / "pending" / f"{id}.json").read_text())
    assert (entry["kind"], entry["key"], entry["files"]) == (
        "shelf",
        "step 1/of 2",
        {"model.safetensors": 4096, "config.json": 2},
    )
    snapshot = tmp_path / "run" / "snapshots" / id
    assert (snapshot / "model.safetensors").read_bytes() == b"w" * 4096


def test_files_are_linked_and_not_copied(tmp_path, shipping, checkpoint):
    id = put(tmp_path / "run", checkpoint)
    linked = tmp_path / "run" / "snapshots" / id / "model.safetensors"
    assert linked.stat().st_ino == (checkpoint / "model.safetensors").stat().st_ino


def test_files_of_another_file_system_are_copied(mounted, shipping, checkpoint):
    other = mounted("1m")
    id = put(other / "run", checkpoint)
    assert (other / "run" / "snapshots" / id / "model.safetensors").read_bytes() == b"w" * 4096


def test_the_same_key_put_twice_is_one_entry_in_whatever_state_it_is(tmp_path, shipping, checkpoint):
    store = EntryStore(tmp_path / "run")
    first = put(tmp_path / "run", checkpoint, key="1")
    for state in ("pending", "active", "done", "failed"):
        if state != "pending":
            before = next(s for s, ids in states(tmp_path / "run").items() if ids)
            store.path(before, first).rename(store.path(state, first))
        assert put(tmp_path / "run", checkpoint, key="1") == first
        assert [ids for ids in states(tmp_path / "run").values() if ids] == [[first]]


def test_entries_without_a_key_are_all_different(tmp_path, shipping, checkpoint):
    assert len({put(tmp_path / "run", checkpoint) for _ in range(3)}) == 3


def test_a_kind_that_nothing_carries_out_is_refused_at_once(tmp_path, shipping):
    with pytest.raises(LookupError, match="of kind 'shelv'. Did you mean 'shelf'?"):
        Outbox(tmp_path).put("shelv", {})
    assert not (tmp_path / "outbox").exists()


def test_a_file_that_is_missing_leaves_nothing_behind(tmp_path, shipping):
    with pytest.raises(FileNotFoundError):
        Outbox(tmp_path).put("shelf", {}, files={"a": tmp_path / "nowhere"})
    assert not any(states(tmp_path).values()) and not list((tmp_path / "snapshots").iterdir())


@pytest.mark.parametrize("name", ["../model", "/model", "a/../../model"])
def test_a_file_outside_its_snapshot_is_refused(tmp_path, shipping, checkpoint, name):
    with pytest.raises(ValueError, match="must lie inside its snapshot"):
        Outbox(tmp_path).put("shelf", {}, files={name: checkpoint / "config.json"})


def test_secrets_in_a_payload_are_blanked(tmp_path, shipping, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnopqrstu")
    id = Outbox(tmp_path).put("shelf", {"note": "with hf_abcdefghijklmnopqrstu", "hub_token": "x"})
    text = (tmp_path / "outbox" / "pending" / f"{id}.json").read_text()
    assert "hf_abc" not in text and json.loads(text)["payload"] == {"note": "with ***", "hub_token": "***"}


FULL = """
import sys, resource
from pathlib import Path
from callsheet.outbox import Outbox
run, checkpoint, mode = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from callsheet.outbox import handlers
handlers.installed()
(run / "outbox").mkdir(parents=True, exist_ok=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    Outbox(run).put("shelf", {"to": "x" * 1000}, files={"model.safetensors": checkpoint / "model.safetensors"})
except OSError as error:
    print("refused", error.errno)
"""


def test_an_entry_that_does_not_fit_leaves_neither_itself_nor_its_snapshot(tmp_path, shipping, checkpoint):
    """A real limit on what the process may write: the entry is larger, so writing it fails half-way."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "run"), str(checkpoint), "entry"], capture_output=True, text=True
    )
    assert done.stdout.startswith("refused"), done.stderr
    assert [path for path in (tmp_path / "run" / "outbox").rglob("*") if path.is_file()] == []
    assert list((tmp_path / "run" / "snapshots").iterdir()) == []


def test_a_snapshot_that_does_not_fit_on_a_full_disk_leaves_nothing_behind(mounted, shipping, checkpoint):
    small = mounted("64k")
    (checkpoint / "model.safetensors").write_bytes(b"w" * 200_000)
    with pytest.raises(OSError, match="No space left"):
        put(small, checkpoint)
    assert not any(states(small).values()) and list((small / "snapshots").iterdir()) == []
    free = os.statvfs(small)
    (small / "fill").write_bytes(b"x" * (free.f_bavail * free.f_bsize))
    with pytest.raises(OSError, match="No space left"):
        Outbox(small).put("shelf", {"to": "x" * 5000})
    assert [path for path in (small / "outbox").rglob("*") if path.is_file()] == []


def test_what_a_kill_left_half_linked_is_swept_and_the_rest_stays(tmp_path, shipping, checkpoint):
    run_dir = tmp_path / "run"
    kept = put(run_dir, checkpoint, key="1")
    orphan, half, other = (run_dir / "snapshots" / name for name in ("shelf-2-0123456789ab", ".shelf-3.part", "s3"))
    for folder in (orphan, half, other):
        folder.mkdir()
    snapshots.sweep(run_dir, {kept})
    assert sorted(path.name for path in (run_dir / "snapshots").iterdir()) == ["s3", kept]


def test_an_entry_that_a_kill_kept_from_being_posted_is_adopted_and_a_torn_one_is_not(tmp_path, shipping, checkpoint):
    run_dir, posted = tmp_path / "run", []
    outbox = Outbox(run_dir, posted.append)  # a run that is killed before its thread comes to it
    id = outbox.put("shelf", {"to": "x"}, files={"config.json": checkpoint / "config.json"}, key="1")
    assert outbox.put("shelf", {"to": "y"}, key="1") == id and posted == [id]
    assert not any(states(run_dir).values()), "nobody sees it before it is on the disk"
    torn = run_dir / "outbox" / "pending" / ".shelf-2-0123456789ab.draft"
    torn.write_text('{"id": "shelf-2')
    EntryStore(run_dir).adopt()
    assert states(run_dir)["pending"] == [id] and not torn.exists()
    assert (run_dir / "snapshots" / id / "config.json").exists()


def test_an_entry_that_could_not_be_posted_is_listed_counted_and_posted_later(tmp_path, shipping, checkpoint, caplog):
    from callsheet.outbox.counts import counts_of
    from callsheet.session.session import Session

    with Session(LogContext(tmp_path / "run", "test", "run", {}), {}) as session:
        session.supervisor.courier.ensure = lambda: None
        post, session.supervisor.store.post = session.supervisor.store.post, full
        id = session.state.outbox.put("shelf", {"to": "x"}, key="1")
        session.supervisor.wait(0)
        assert counts_of(tmp_path / "run")["left"] == 1 and "No space left" in caplog.text
        assert [(state, entry.id) for state, entry in EntryStore(tmp_path / "run").entries()] == [("pending", id)]
        session.supervisor.store.post = post
        session.supervisor.wait(0)
        assert states(tmp_path / "run")["pending"] == [id] and session.supervisor.store.drafts() == []
        session.outbox.deadline_seconds = 0


def full(id):
    raise OSError(28, "No space left on device")


def checkpointed(run_dir, checkpoint):
    """A run that puts an entry for a checkpoint and writes the checkpoint down; returns the entry's id."""
    from callsheet import ManifestRow
    from callsheet.session.session import Session

    with Session(LogContext(run_dir, "test", "run", {}), {}) as session:
        session.supervisor.courier.ensure = lambda: None  # nobody carries it out before the power is cut
        files = {path.name: path for path in checkpoint.iterdir()}
        id = session.state.outbox.put("shelf", {"to": "x"}, files=files, key="1")
        session.late.add(ManifestRow(checkpoint.name, 1, 0.0, checkpoint))
        session.outbox.deadline_seconds = 0
    return id


@pytest.mark.parametrize("gone", ["entry", "outbox", "outbox and snapshots", "all but the snapshot"])
def test_what_a_power_cut_took_from_the_outbox_is_put_again(tmp_path, shipping, checkpoint, gone):
    """The manifest is synced at every checkpoint; of what was not, the machine may have kept nothing."""
    run_dir = tmp_path / "run"
    id = checkpointed(run_dir, checkpoint)
    before = json.loads(EntryStore(run_dir).path("pending", id).read_text())
    shutil.rmtree(run_dir / "outbox" / ("pending" if gone == "entry" else ""))
    if gone == "outbox and snapshots":
        shutil.rmtree(run_dir / "snapshots")
    if gone == "all but the snapshot":
        shutil.rmtree(checkpoint)
    assert restore(RunDir(run_dir)) == [id]
    assert json.loads(EntryStore(run_dir).path("pending", id).read_text()) == before
    assert (run_dir / "snapshots" / id / "model.safetensors").read_bytes() == b"w" * 4096
    assert restore(RunDir(run_dir)) == []


def test_what_a_power_cut_took_with_its_files_is_reported(tmp_path, shipping, checkpoint):
    id = checkpointed(tmp_path / "run", checkpoint)
    for name in ("outbox", "snapshots"):
        shutil.rmtree(tmp_path / "run" / name)
    (checkpoint / "model.safetensors").write_bytes(b"")  # a name without content is what file systems leave
    assert restore(RunDir(tmp_path / "run")) == [id]
    assert "its files are gone by now" in EntryStore(tmp_path / "run").read("failed", id).error
