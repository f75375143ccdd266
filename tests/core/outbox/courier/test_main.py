"""The courier: a real process that works an outbox off, alone, patiently, and through kills."""

import os
import signal
import subprocess
import sys
import time

import pytest
from waiting import PATIENCE, wait_until

from callsheet.outbox.store import EntryStore
from core.outbox.conftest import delivered, fill, states


def entry(run_dir, id):
    store = EntryStore(run_dir)
    return store.read(store.state_of(id), id)


def test_entries_are_carried_out_their_snapshots_removed_and_the_courier_ends(tmp_path, courier):
    ids = fill(tmp_path / "run", 5)
    process = courier(tmp_path / "run")
    assert process.wait(PATIENCE) == 0, process.stderr.read()
    assert states(tmp_path / "run")["done"] == sorted(ids)
    assert delivered(tmp_path) == [f"e{number}" for number in range(5)]
    assert not any((tmp_path / "run" / "snapshots").iterdir())
    assert not (tmp_path / "run" / "outbox" / "courier.lock").exists()


@pytest.mark.parametrize("faults", [1, 5, 20])
def test_a_transient_fault_is_tried_again_until_it_passes(tmp_path, courier, faults):
    (id,) = fill(tmp_path / "run", fail=faults)
    process = courier(tmp_path / "run")
    assert process.wait(PATIENCE) == 0
    assert entry(tmp_path / "run", id).attempts == faults + 1 and delivered(tmp_path) == ["e0"]


def test_no_attempt_comes_before_the_other_side_said(tmp_path, courier):
    fill(tmp_path / "run", fail=1, retry_after=1.5)
    start = time.monotonic()
    assert courier(tmp_path / "run").wait(PATIENCE) == 0
    assert time.monotonic() - start > 1.5


def test_a_permanent_refusal_is_tried_once_kept_and_told_with_its_remedy(tmp_path, courier):
    refused, fine = fill(tmp_path / "run", refuse=True), fill(tmp_path / "run", 2)[1:]
    process = courier(tmp_path / "run")
    assert process.wait(PATIENCE) == 0
    assert states(tmp_path / "run") == {"pending": [], "active": [], "done": fine, "failed": refused}
    failed = entry(tmp_path / "run", refused[0])
    assert (
        failed.attempts == 1
        and "belongs to somebody else" in failed.error
        and failed.advice == "Choose another folder."
    )
    assert (tmp_path / "run" / "snapshots" / refused[0] / "model.safetensors").exists(), "it can be retried"


def test_a_handler_that_the_lock_of_the_run_refuses_is_not_imported_and_its_entries_are_kept(tmp_path, courier):
    lock = tmp_path / "plugins.lock"
    lock.write_text('{"lock_version": 1, "distributions": {}}')
    (id,) = fill(tmp_path / "run")
    (tmp_path / "run" / "config.yaml").write_text(f"plugins_lock: {lock}\n")
    assert courier(tmp_path / "run").wait(PATIENCE) == 0
    failed = entry(tmp_path / "run", id)
    assert f"shipping is not in the lock ({lock})" in failed.error
    assert not (tmp_path / "shelf").exists()


def test_a_handler_that_raises_what_it_does_not_explain_is_tried_some_times(tmp_path, courier, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "hf_abcdefghijklmnopqrstuv")
    (id,) = fill(tmp_path / "run", **{"raise": "with $SOME_TOKEN"})
    process = courier(tmp_path / "run")
    _, log = process.communicate(timeout=PATIENCE)
    failed = entry(tmp_path / "run", id)
    assert failed.attempts == 5 and failed.error == "RuntimeError: with ***"
    assert "Traceback" in log and "hf_abc" not in log


def test_a_file_that_is_no_entry_fails_and_stops_nobody(tmp_path, courier):
    (id,) = fill(tmp_path / "run")
    EntryStore(tmp_path / "run").path("pending", "torn-000000000000").write_text('{"id": "to')
    assert courier(tmp_path / "run").wait(PATIENCE) == 0
    assert states(tmp_path / "run")["done"] == [id] and states(tmp_path / "run")["failed"] == ["torn-000000000000"]


def test_an_entry_whose_handler_is_not_installed_fails_with_advice(tmp_path, courier):
    (id,) = fill(tmp_path / "run")
    points = tmp_path / "site" / "shipping-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text().replace("shelf =", "shelves ="))
    assert courier(tmp_path / "run").wait(PATIENCE) == 0
    assert "Did you mean 'shelves'?" in entry(tmp_path / "run", id).error


def test_of_two_couriers_one_works(tmp_path, courier):
    enough = tmp_path / "enough"
    ids = fill(tmp_path / "run", 6, until=str(enough))
    first = courier(tmp_path / "run")
    wait_until(lambda: states(tmp_path / "run")["active"])
    assert courier(tmp_path / "run").wait(PATIENCE) == 4 and first.poll() is None
    enough.touch()
    assert first.wait(PATIENCE) == 0
    assert states(tmp_path / "run")["done"] == sorted(ids)


def test_many_couriers_at_once_carry_each_entry_out_once(tmp_path, courier):
    ids = fill(tmp_path / "run", 20, seconds=0.02)
    codes = sorted(process.wait(PATIENCE) for process in [courier(tmp_path / "run") for _ in range(4)])
    assert codes[0] == 0 and set(codes) <= {0, 4}
    assert states(tmp_path / "run")["done"] == sorted(ids) and delivered(tmp_path) == sorted(f"e{n}" for n in range(20))
    assert all(entry(tmp_path / "run", id).attempts == 1 for id in ids)


@pytest.mark.parametrize("moment", range(6))
def test_a_killed_courier_is_replaced_and_nothing_is_lost_or_done_twice(tmp_path, courier, moment):
    ids = fill(tmp_path / "run", 6, seconds=0.1, fail=1)
    first = courier(tmp_path / "run")
    wait_until(lambda: (tmp_path / "run" / "outbox" / "courier.lock").exists())
    time.sleep(0.08 * moment)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert courier(tmp_path / "run").wait(PATIENCE) == 0
    assert states(tmp_path / "run")["done"] == sorted(ids)
    assert delivered(tmp_path) == sorted(f"e{number}" for number in range(6))


def test_an_outcome_written_before_a_kill_is_not_forgotten(tmp_path, courier):
    """Killed between writing the result and moving the entry: it is done, and is not tried again."""
    from dataclasses import replace

    from callsheet.outbox.entries import to_json

    (id,) = fill(tmp_path / "run", refuse=True)
    store = EntryStore(tmp_path / "run")
    store.claim(id)
    settled = replace(store.read("active", id), finished_at=1.0, result={"ok": True})
    store.path("active", id).write_text(to_json(settled))
    assert courier(tmp_path / "run").wait(PATIENCE) == 0
    assert states(tmp_path / "run")["done"] == [id]


def test_a_courier_told_to_stop_gives_its_lock_back(tmp_path, courier):
    (id,) = fill(tmp_path / "run", seconds=600)
    process = courier(tmp_path / "run")
    wait_until(lambda: states(tmp_path / "run")["active"])
    process.terminate()
    assert process.wait(PATIENCE) == 143
    assert not (tmp_path / "run" / "outbox" / "courier.lock").exists() and states(tmp_path / "run")["active"] == [id]


def test_what_cannot_be_done_now_is_left_when_the_run_has_been_gone_for_long(tmp_path, courier):
    (id,) = fill(tmp_path / "run", fail=10**6)
    assert courier(tmp_path / "run", linger="1").wait(PATIENCE) == 0
    assert states(tmp_path / "run")["pending"] == [id]


def test_the_courier_loads_no_training_library_and_stays_small(tmp_path, shipping):
    fill(tmp_path / "run", 3)
    code = (
        "import re, sys\nfrom pathlib import Path\nfrom callsheet.outbox.courier.main import main\n"
        f"main([{str(tmp_path / 'run')!r}])\n"
        "print(*[m for m in ('torch', 'transformers', 'hydra', 'omegaconf', 'click', 'rich') if m in sys.modules])\n"
        # Not ru_maxrss, which a process inherits from the one that started it.
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    heavy, megabytes = done.stdout.splitlines()
    assert heavy == "" and int(megabytes) < 60 and len(states(tmp_path / "run")["done"]) == 3, done


def test_a_thousand_entries_are_all_carried_out(tmp_path, courier):
    fill(tmp_path / "run", 1000)
    assert courier(tmp_path / "run", "--parallel", "4").wait(PATIENCE) == 0
    assert len(states(tmp_path / "run")["done"]) == 1000


def test_a_file_that_is_no_entry_fails_as_it_is_and_is_carried_out_once_repaired(tmp_path, courier):
    (id,) = fill(tmp_path / "run")
    pending, failed = (EntryStore(tmp_path / "run").path(state, id) for state in ("pending", "failed"))
    whole = pending.read_text()
    pending.write_text(whole[:-20])
    courier(tmp_path / "run").communicate(timeout=PATIENCE)
    assert failed.read_text() == whole[:-20]
    assert "repair it and retry" in str(EntryStore(tmp_path / "run").read("failed", id).advice)
    failed.write_text(whole)
    assert EntryStore(tmp_path / "run").retry(id)
    courier(tmp_path / "run").communicate(timeout=PATIENCE)
    assert states(tmp_path / "run")["done"] == [id]


def test_one_file_that_cannot_be_read_keeps_no_other_from_being_carried_out(tmp_path, courier):
    ids = fill(tmp_path / "run", 3)
    store = EntryStore(tmp_path / "run")
    store.path("pending", "a-folder").mkdir()
    store.path("pending", "no-text").write_bytes(b"\xff\xfe")
    assert courier(tmp_path / "run").wait(PATIENCE) == 0
    assert states(tmp_path / "run")["done"] == sorted(ids)
    assert states(tmp_path / "run")["failed"] == ["a-folder", "no-text"]
    assert "is a folder, no regular file" in str(store.read("failed", "a-folder").error)


def test_a_courier_whose_lock_is_no_file_says_so(tmp_path):
    (tmp_path / "outbox").mkdir()
    os.mkfifo(tmp_path / "outbox" / ".courier.flock")
    command = [sys.executable, "-m", "callsheet.outbox.courier", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert ".courier.flock is a FIFO, no regular file. Every entry stays." in done.stderr
