"""Whatever lies among the entries of an outbox harms itself only: it fails with the reason, and the rest goes on."""

import json
import os
import socket
import subprocess
import sys

import pytest
import warm
from waiting import PATIENCE

from callsheet.outbox import entries
from callsheet.outbox.entries import LONGEST, UNREADABLE, Entry
from callsheet.outbox.store import ACTIVE, DONE, FAILED, PARKED, PENDING, STATES, EntryStore
from callsheet.outbox.supervisor.recovery import restore
from callsheet.rundir.rundir import RunDir
from core.outbox.conftest import delivered, fill, states

GOOD = {"id": "x", "kind": "shelf", "key": "k", "payload": {}, "put_at": 1.0}
# Name, what of a good entry is another, and what is said of it.
WRONG = [
    ("put-at-text", {"put_at": "x"}, "put_at is text, a number is needed"),
    ("put-at-huge", {"put_at": 1e308}, "put_at is 1e+308, which is no time in seconds since 1970"),
    ("put-at-negative", {"put_at": -1}, "put_at is -1, which is no time"),
    ("put-at-nan", {"put_at": float("nan")}, "put_at is nan, which is no time"),
    ("not-before-inf", {"not_before": float("inf")}, "not_before is inf, which is no time"),
    ("finished-huge", {"finished_at": 1e300}, "finished_at is 1e+300, which is no time"),
    ("attempts-negative", {"attempts": -5}, "attempts is out of range"),
    ("attempts-huge", {"attempts": 10**400}, "attempts is out of range"),
    ("attempts-text", {"attempts": "3"}, "attempts is text, a whole number is needed"),
    ("payload-list", {"payload": [1]}, "payload is a list, an object is needed"),
    ("payload-null", {"payload": None}, "payload is null, an object is needed"),
    ("kind-number", {"kind": 7}, "kind is a whole number, text is needed"),
    ("kind-empty", {"kind": ""}, "kind is '', which nobody carries out"),
    ("kind-ours", {"kind": UNREADABLE}, "kind is 'unreadable', which nobody carries out"),
    ("kind-unknown", {"kind": "shelv"}, "Nothing that is installed carries out outbox entries of kind 'shelv'"),
    ("files-outside", {"files": {"../../escaped": 1}}, "files names '../../escaped', which does not lie inside"),
    ("files-absolute", {"files": {"/etc/shadow": 1}}, "files names '/etc/shadow', which does not lie inside"),
    ("files-nul", {"files": {"a\0b": 1}}, "which does not lie inside"),
    ("files-long", {"files": {"a" * 5000: 1}}, "which does not lie inside its snapshot"),
    ("files-list", {"files": ["a"]}, "files is a list, an object is needed"),
    ("sources-outside", {"sources": {"..": "a"}}, "files names '..', which does not lie inside its snapshot"),
    ("result-list", {"result": [], "finished_at": 1}, "result is a list, an object or null is needed"),
    ("id-of-another", {"id": "another"}, "its id is 'another', which is another than its name"),
    ("id-outside", {"id": "../../x"}, "id is '../../x', which can be the name of no file"),
    ("id-half-a-sign", {"id": "\ud800"}, "its id is"),
]
TEXTS = [
    ("put-at-alone", '{"put_at": "x"}', "put_at is text, a number is needed"),
    ("empty", "", "it is empty"),
    ("null", "null", "it is null, an object is needed"),
    ("torn", '{"id": "torn"', "it is no JSON"),
    ("deep", "[" * 100_000, "it is nested deeper than 200 levels"),
    ("deep-inside", json.dumps({**GOOD, "id": "deep-inside"})[:-1] + ', "x": ' + "[" * 900 + "]" * 900 + "}", "deeper"),
]


def plant(folder):
    """One of each kind in `folder`; what is said of each, by id."""
    said = {}
    for name, change, words in WRONG:
        (folder / f"{name}.json").write_text(json.dumps({**GOOD, "id": name, **change}))
        said[name] = words
    for name, text, words in TEXTS:
        (folder / f"{name}.json").write_text(text)
        said[name] = words
    (folder / "no-text.json").write_bytes(b"\xff\xfe")
    with (folder / "large.json").open("wb") as file:
        file.truncate(100 << 20)
    os.mkfifo(folder / "fifo.json")
    (folder / "folder.json").mkdir()
    (folder / "folder.json" / "inside").write_text("x")
    (folder / "link.json").symlink_to("/etc/passwd")
    (folder / "link-to-nothing.json").symlink_to("/nowhere")
    (folder / "link-to-zero.json").symlink_to("/dev/zero")
    open(os.fsencode(folder) + b"/\xff\x1b[31m.json", "wb").close()
    place = os.getcwd()
    os.chdir(folder)  # the name of a socket is short
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket.json")
    server.close()
    os.chdir(place)
    return said | {
        "no-text": "it is no UTF-8 text: byte 0 is 0xff",
        "large": f"holds more than {LONGEST:,} bytes",
        "fifo": "is a FIFO, no regular file",
        "folder": "is a folder, no regular file",
        "socket": "is a socket, no regular file",
        **{name: f"{name}.json is a symbolic link to" for name in ("link", "link-to-nothing", "link-to-zero")},
        os.fsdecode(b"\xff\x1b[31m"): "it is empty",
    }


def outbox(run_dir, *arguments):
    command = [sys.executable, "-m", "callsheet", "outbox", *arguments[:1], str(run_dir), *arguments[1:]]
    done = warm.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


def made(tmp_path, **more):
    run_dir = tmp_path / "run"
    ids = fill(run_dir, 2, **more)
    (run_dir / "config.yaml").write_text("outbox: {first_delay_seconds: 0.02, longest_delay_seconds: 0.2}\n")
    (run_dir / "run.json").write_text('{"run": "run"}')
    return run_dir, ids


def test_each_says_what_is_wrong_with_it_without_a_wait(tmp_path):
    store = EntryStore(tmp_path)
    store.make()
    for id, words in plant(tmp_path / "outbox" / PENDING).items():
        entry = store.read(PENDING, id)
        if id == "kind-unknown":  # which the courier finds out
            assert entry.kind != UNREADABLE
        else:
            assert entry.kind == UNREADABLE and words in entry.error and "repair it" in entry.advice, entry
            assert entry.error.isprintable()


def test_all_of_them_fail_with_the_reason_and_the_others_are_carried_out(tmp_path, shipping):
    run_dir, ids = made(tmp_path)
    planted = plant(run_dir / "outbox" / PENDING)
    listed = outbox(run_dir, "list")
    assert listed.returncode == 0 and listed.stdout.count("\n") == len(planted) + 3
    done = outbox(run_dir, "drain")
    found = states(run_dir)
    assert (found[DONE], set(found[FAILED])) == (sorted(ids), set(planted)) and not found[PENDING] + found[ACTIVE]
    assert done.returncode == 3 and f"{len(planted)} failed" in done.stdout.splitlines()[-1]
    assert "Traceback" not in (run_dir / "outbox" / "courier.log").read_text()
    assert delivered(tmp_path) == ["e0", "e1"]
    listed = outbox(run_dir, "list").stdout
    assert listed.count("failed") >= len(planted) and all(words in listed for words in planted.values())
    assert outbox(run_dir, "retry", "all").returncode == 0
    assert len(states(run_dir)[PENDING]) == len(planted)


@pytest.mark.parametrize("state", [ACTIVE, PARKED, DONE])
def test_in_whatever_state_they_are_left_they_are_among_the_failed_ones_after_a_drain(tmp_path, shipping, state):
    run_dir, ids = made(tmp_path)
    planted = set(plant(run_dir / "outbox" / state)) - {"kind-unknown"}
    done = outbox(run_dir, "drain")
    found = states(run_dir)
    assert done.returncode == 3 and set(found[FAILED]) >= planted and set(found[DONE]) >= set(ids)
    assert not found[PENDING] + found[ACTIVE] + found.get(PARKED, [])
    assert done.stderr.count("fifo was not carried out") == 1


def test_drafts_that_are_none_fail_and_one_that_was_never_whole_is_dropped(tmp_path, shipping):
    store = EntryStore(tmp_path)
    store.make()
    pending = tmp_path / "outbox" / PENDING
    store.draft(Entry("whole", "shelf", "k", {}, 1.0))
    (pending / ".torn.draft").write_text('{"id": "to')
    (pending / ".wrong.draft").write_text('{"put_at": "x"}')
    os.mkfifo(pending / ".fifo.draft")
    (pending / ".folder.draft").mkdir()
    kinds = {entry.id: entry.kind for _, entry in store.entries()}
    assert kinds == {"whole": "shelf", **{id: UNREADABLE for id in ("wrong", "fifo", "folder")}}
    store.adopt()
    assert store.drafts() == [] and sorted(store.ids(PENDING)) == ["fifo", "folder", "whole", "wrong"]


def test_a_folder_with_the_name_of_an_entry_gets_another_one(tmp_path, shipping, courier):
    run_dir, ids = made(tmp_path)
    for state in (ACTIVE, DONE):
        place = run_dir / "outbox" / state / f"{ids[0]}.json"
        place.mkdir()
        (place / "inside").write_text("x")
    done = outbox(run_dir, "drain")
    assert done.returncode == 3 and states(run_dir)[DONE] == sorted(ids)
    assert len(states(run_dir)[FAILED]) == 2 and all(id.startswith(ids[0]) for id in states(run_dir)[FAILED])


@pytest.mark.parametrize("state", STATES)
def test_a_file_in_place_of_a_folder_of_the_outbox_is_named(tmp_path, shipping, state):
    run_dir, _ = made(tmp_path)
    for path in (run_dir / "outbox" / state).iterdir():
        path.unlink()
    (run_dir / "outbox" / state).rmdir()
    (run_dir / "outbox" / state).write_text("")
    done = outbox(run_dir, "list")
    assert done.returncode == 2 and f"{state} is a regular file; a folder is needed." in done.stderr


def test_what_would_be_too_long_to_be_read_again_is_not_put(tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "LONGEST", 1000)
    store = EntryStore(tmp_path)
    store.make()
    with pytest.raises(ValueError, match="at most 1,000 bytes; put what is longer among its files"):
        store.draft(Entry("a", "shelf", "k", {"text": "x" * 1000}, 1.0))
    assert store.drafts() == []


def test_what_passes_says_nothing_of_the_entry(tmp_path, shipping, monkeypatch):
    import errno

    from callsheet.disk import regular

    (id,) = fill(tmp_path / "run")

    def short_of(path, limit, *, follow=False):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(regular, "read", short_of)
    assert EntryStore(tmp_path / "run").read(PENDING, id) is None


def test_entries_of_the_manifest_that_are_none_keep_no_other_from_being_put_again(tmp_path, caplog):
    good = {**GOOD, "id": "good"}
    rows = [
        {"name": "a", "entries": 3},
        {"name": "b", "entries": [1, {**GOOD, "id": "../../x"}, GOOD | {"put_at": -1}]},
    ]
    rows += [{"name": "c", "entries": [good]}, {"name": 3}]
    (tmp_path / "checkpoints.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert restore(RunDir(tmp_path)) == ["good"]
    assert EntryStore(tmp_path).ids(PENDING) == ["good"] and not (tmp_path.parent / "x.json").exists()
    assert "id is '../../x', which can be the name of no file. It is not put again" in caplog.text


def test_what_lists_and_helps_imports_no_reader():
    """The validation library takes as long to import as half of `callsheet plugins`."""
    for arguments in (["plugins"], ["train", "--help"], ["outbox", "--help"]):
        command = [sys.executable, "-X", "importtime", "-m", "callsheet", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0 and "msgspec" not in done.stderr and "callsheet.disk.typed" not in done.stderr
