"""A run and its courier: what comes back is announced, and nothing is lost by kills, deadlines or a full disk."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from waiting import PATIENCE, wait_until

from callsheet import LogContext
from callsheet.outbox import Outbox
from callsheet.outbox.store import EntryStore
from core.outbox.conftest import heard, states

SEED = 20260


def drain(run_dir, *options):
    command = [sys.executable, "-m", "callsheet", "outbox", "drain", str(run_dir), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def saved(process):
    """The steps whose entry was put, as the run said itself."""
    return [int(line) for line in process.stdout.read().split()]


def assert_published_once(tmp_path, steps):
    for step in steps:
        folder = tmp_path / "shelf" / f"step-{step}"
        assert (folder / "model.safetensors").read_bytes() == str(step).encode() * 1000
        assert (folder / "config.json").read_text() == "{}"
    found = states(tmp_path / "run")
    assert len(found["done"]) >= len(steps) and not any(found[state] for state in ("pending", "active", "failed"))
    assert {row["branch"] for row in heard(tmp_path / "run")} >= {f"step-{step}" for step in steps}
    in_one_process = Counter((row["branch"], row["pid"]) for row in heard(tmp_path / "run"))
    assert set(in_one_process.values()) == {1}, "announced twice in one process"


def test_a_run_waits_for_its_courier_and_announces_everything_once(tmp_path, run):
    process = run(6)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, error
    assert sorted(row["branch"] for row in heard(tmp_path / "run")) == [f"step-{step}" for step in range(1, 7)]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["outbox"] == {"done": 6, "left": 0, "failed": 0}
    assert not any((tmp_path / "run" / "snapshots").iterdir())


def test_what_was_published_stands_in_the_manifest(tmp_path, run):
    from callsheet.records import ManifestRow
    from callsheet.rundir.checkpoints import manifest
    from callsheet.rundir.rundir import RunDir

    run(1).communicate(timeout=PATIENCE)
    from callsheet.rundir import checkpoints

    run_dir = RunDir(tmp_path / "run")
    checkpoints.record(run_dir, ManifestRow("step-1", 1, 0.0, tmp_path / "run" / "checkpoint-1"))
    (revision,) = manifest(run_dir)["step-1"].revisions
    assert (revision.repo, revision.commit, revision.step) == ("shelf", "step-1", 1)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_after_a_kill_at_a_random_moment_a_drain_publishes_everything_once(tmp_path, run, number):
    chance = random.Random(SEED + number)
    process = run(8, pause=0.02)
    time.sleep(0.25 + chance.random() * 0.9)
    if number % 3 in (0, 1) and (courier := courier_of(tmp_path / "run")):
        kill(courier)
    if number % 3 in (1, 2):
        process.send_signal(signal.SIGKILL)
    else:
        process.wait(PATIENCE)
    steps = saved(process)
    process.communicate()
    if number % 3 == 2 and (courier := courier_of(tmp_path / "run")) and chance.random() < 0.5:
        kill(courier)
    if not (tmp_path / "run" / "run.json").exists():
        assert not steps
        return
    done = drain(tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    if steps:
        assert_published_once(tmp_path, steps)
    assert "Everything is published" in done.stdout


def courier_of(run_dir):
    """The pid of the courier that holds the lock, if one does."""
    try:
        return json.loads((run_dir / "outbox" / "courier.lock").read_text())["pid"]
    except (OSError, ValueError):
        return None


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_a_drain_is_refused_while_the_run_is_alive(tmp_path, run):
    process = run(10_000, pause=0.2)
    wait_until(lambda: (tmp_path / "run" / "outbox" / "done").exists())
    done = drain(tmp_path / "run")
    assert done.returncode == 2 and "Another run is writing to" in done.stderr
    process.kill()
    process.communicate()


@contextlib.contextmanager
def draining(run_dir, said=os.devnull):
    """Drain in a process of its own for as long as the block runs; what it says on stderr goes into `said`."""
    command = [sys.executable, "-m", "callsheet", "outbox", "drain", str(run_dir), "--seconds", "1000"]
    with open(said, "w") as file, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file) as process:
        yield
        process.terminate()
        process.wait(PATIENCE)
    if courier := courier_of(run_dir):
        kill(courier)  # or it would linger for ten minutes


def test_a_drain_of_what_is_no_run_says_so(tmp_path):
    done = drain(tmp_path)
    assert done.returncode == 2 and "holds no Callsheet run" in done.stderr


def test_a_drain_that_runs_out_of_time_says_what_is_left(tmp_path, run):
    process = run(3, pause=0.01)
    wait_until(lambda: len(states(tmp_path / "run")["done"]) == 3 or process.poll() is not None)
    process.communicate(timeout=PATIENCE)
    Outbox(tmp_path / "run").put("shelf", {"to": str(tmp_path / "shelf"), "fail": 10**6}, key="never")
    said = tmp_path / "said"
    with draining(tmp_path / "run", said):
        wait_until(lambda: "Last error: 503 Service Unavailable" in said.read_text())
    done = drain(tmp_path / "run", "--seconds", "1")
    assert done.returncode == 3 and "1 left, kept for: callsheet outbox drain" in done.stdout
    again = subprocess.run(
        [sys.executable, "-m", "callsheet", "outbox", str(tmp_path / "run")], capture_output=True, text=True
    )
    assert "503 Service Unavailable" in again.stdout and "never" in again.stdout


def test_on_a_terminal_ids_and_errors_are_in_one_piece_to_copy(tmp_path, monkeypatch, capsys):
    from callsheet.cli.views import outbox_table
    from callsheet.outbox.entries import Entry, to_json
    from callsheet.outbox.store import FAILED, EntryStore

    store = EntryStore(tmp_path)
    store.make()
    id, log = "benchmarks-" + 10 * "long-", "/a/folder/" + 20 * "deep/" + "log.txt"
    entry = Entry(id, "benchmarks", "long", {}, time.time(), error="It failed", advice=f"Its log is {log}.")
    store.path(FAILED, id).write_text(to_json(entry))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    outbox_table.show(tmp_path)
    shown = capsys.readouterr().out
    assert id in shown and f"It failed. Its log is {log}." in shown


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("field", ["kind", "key", "error", "advice"])
def test_a_text_of_any_length_in_an_entry_leaves_the_list_readable(tmp_path, monkeypatch, capsys, field, is_terminal):
    from callsheet.cli.views import outbox_table
    from callsheet.outbox.entries import Entry, to_json
    from callsheet.outbox.store import FAILED, EntryStore

    store = EntryStore(tmp_path)
    store.make()
    for number, text in enumerate(("x" * 100_000, "word " * 20_000, "a line\n" * 2_000)):
        entry = Entry(**{"id": f"a-{number}", "kind": "a", "key": "k", "payload": {}, "put_at": 1.0, field: text})
        store.path(FAILED, entry.id).write_text(to_json(entry))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    outbox_table.show(tmp_path)
    shown = capsys.readouterr().out
    assert all(f"a-{number}" in shown for number in range(3))
    assert shown.count("\n") < 30 and len(shown) < 12_000


def test_a_failed_entry_is_published_after_a_retry(tmp_path, run):
    run(1).communicate(timeout=PATIENCE)

    payload = {"to": str(tmp_path / "shelf"), "refuse": True}
    id = Outbox(tmp_path / "run").put("shelf", payload, key="later")
    done = drain(tmp_path / "run")
    assert done.returncode == 3 and "belongs to somebody else. Choose another folder." in done.stderr
    module = tmp_path / "site" / "shipping.py"
    module.write_text(module.read_text().replace('job.payload.get("refuse")', "False"))
    command = [sys.executable, "-m", "callsheet", "outbox", "retry", str(tmp_path / "run")]
    wrong = subprocess.run([*command, id[:-1] + "!"], capture_output=True, text=True)
    assert wrong.returncode == 2 and f"Did you mean {id!r}?" in wrong.stderr
    right = subprocess.run([*command, id[:12]], capture_output=True, text=True)
    assert right.returncode == 0 and f"{id}: pending again" in right.stdout
    assert drain(tmp_path / "run").returncode == 0
    assert "later" in [row["branch"] for row in heard(tmp_path / "run")]


def test_what_is_left_to_the_user_keeps_nobody_waiting_and_is_looked_at_by_each_drain(tmp_path, run):
    run(1).communicate(timeout=PATIENCE)

    model = tmp_path / "model"
    model.write_text("weights")
    payload = {"to": str(tmp_path / "shelf"), "by_hand": str(tmp_path / "carried")}
    id = Outbox(tmp_path / "run").put("shelf", payload, files={"model": model}, key="later")
    for _ in range(2):
        done = drain(tmp_path / "run")
        assert done.returncode == 0 and "1 left to you" in done.stdout, done.stderr
        assert states(tmp_path / "run")["parked"] == [id]
        assert list((tmp_path / "run" / "snapshots" / id).iterdir()), "its files are kept"
    (tmp_path / "carried").touch()
    assert drain(tmp_path / "run").returncode == 0
    assert id in states(tmp_path / "run")["done"] and (tmp_path / "shelf" / "later" / "model").read_text() == "weights"
    assert "later" in [row["branch"] for row in heard(tmp_path / "run")]


def test_a_thousand_entries_are_listed_at_once_without_torch_or_hydra(tmp_path, shipping):
    from callsheet.outbox.entries import Entry
    from callsheet.outbox.store import EntryStore

    store = EntryStore(tmp_path)
    store.make()
    for number in range(1000):
        from callsheet.outbox.entries import to_json

        entry = Entry(f"shelf-{number}-0123456789ab", "shelf", str(number), {"to": "x"}, time.time() - number)
        store.path("pending", entry.id).write_text(to_json(entry))
    command = [sys.executable, "-X", "importtime", "-m", "callsheet", "outbox", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"torch", "hydra", "omegaconf", "transformers"} and len(done.stdout.splitlines()) == 1001


def test_an_empty_outbox_is_said_to_be_empty(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    command = [sys.executable, "-m", "callsheet", "outbox", "list", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "is empty" in done.stdout


@pytest.mark.parametrize("command", [["list"], ["retry", "all"], ["drain"]])
def test_a_folder_that_is_no_run_has_no_outbox(tmp_path, command):
    name, *rest = command
    done = subprocess.run(
        [sys.executable, "-m", "callsheet", "outbox", name, str(tmp_path), *rest], capture_output=True, text=True
    )
    assert done.returncode == 2 and "holds no Callsheet run" in done.stderr


def test_no_secret_reaches_any_file_or_the_process_list(tmp_path, run, monkeypatch):
    token = "hf_" + "q" * 30
    monkeypatch.setenv("HF_TOKEN", token)
    process = run(3, pause=0.3)
    wait_until(lambda: courier_of(tmp_path / "run"))
    command_line = Path(f"/proc/{courier_of(tmp_path / 'run')}/cmdline").read_text()
    assert token not in command_line and "callsheet.outbox.courier" in command_line
    output, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and token not in output + error
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


def test_a_courier_that_a_run_left_behind_makes_way_for_one_with_the_environment_of_now(tmp_path, courier):
    ctx = LogContext(tmp_path, outbox=Outbox(tmp_path))
    id = ctx.outbox.put("shelf", {"to": str(tmp_path / "shelf"), "fail": 1_000_000, "step": 1}, key="e1")
    (tmp_path / "config.yaml").write_text("{}")
    (tmp_path / "run.json").write_text('{"run": "run"}')
    left_behind = courier(tmp_path)  # with a linger of ten minutes
    wait_until(lambda: (tmp_path / "outbox" / "courier.lock").exists())
    with draining(tmp_path):
        assert left_behind.wait(PATIENCE) == 128 + signal.SIGTERM
        wait_until(lambda: courier_of(tmp_path) not in (None, left_behind.pid))
        wait_until(lambda: "Working on" in (tmp_path / "outbox" / "courier.log").read_text())
    assert EntryStore(tmp_path).left() == [id]


@pytest.mark.parametrize("line", ["null", "3", "[]", '"x"', '{"id": 3'])
def test_lines_that_are_none_of_ours_are_passed_over(tmp_path, shipping, line):
    Outbox(tmp_path).put("shelf", {"to": str(tmp_path / "shelf")}, key="e1")
    (tmp_path / "config.yaml").write_text("{}")
    (tmp_path / "run.json").write_text('{"run": "run"}')
    for name in ("outbox/announced.jsonl", "checkpoints.jsonl"):
        (tmp_path / name).write_text(f"{line}\n")
    done = drain(tmp_path)
    assert done.returncode == 0, done.stderr


AS_USER = """
import sys
sys.path.append(sys.argv.pop(1))
from privileges import modes_count
from callsheet.__main__ import run
with modes_count():
    run()
"""


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (os.mkdir, "is a folder, where a file is needed. Remove it. "),
        (os.mkfifo, "is a FIFO, no regular file. Remove it. "),
        (lambda path: path.touch(0o000), "cannot be read: it belongs to "),
    ],
    ids=["folder", "fifo", "closed"],
)
def test_whatever_stands_in_place_of_its_log_the_courier_works(tmp_path, shipping, spoil, said):
    id = Outbox(tmp_path).put("shelf", {"to": str(tmp_path / "shelf"), "fail": 1}, key="e1")
    (tmp_path / "config.yaml").write_text("{}")
    (tmp_path / "run.json").write_text('{"run": "run"}')
    log = tmp_path / "outbox" / "courier.log"
    spoil(log)
    command = [sys.executable, "-c", AS_USER, str(Path(__file__).parents[3]), "outbox", "drain", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path)["done"] == [id]
    assert done.stderr.count(f"{log} {said}") == 1
    assert done.stderr.count("Until then the courier works without a log.") == 1
