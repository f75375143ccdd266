"""What comes by the thousand is summed up, in what a terminal shows, and is whole in the run directory."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from callsheet.outbox.entries import Entry, id_of, to_json
from callsheet.outbox.store import FAILED, EntryStore
from callsheet.rundir.rundir import CHECKPOINTS, RunDir
from core.outbox.conftest import states

MANY = 300


def outbox(*words):
    return subprocess.run([sys.executable, "-m", "callsheet", "outbox", *words], capture_output=True, text=True)


def entries(count):
    for number in range(count):
        error = f"503 Service Unavailable (request {number:x}af09bc)"
        yield Entry(id_of("shelf", f"{number}"), "shelf", f"{number}", {}, time.time(), attempts=9, error=error)


@pytest.fixture
def failed(tmp_path):
    """A run that ended, whose entries all failed."""
    RunDir(tmp_path).write_json("run.json", {"status": "failed", "experiment": "x", "run": "y", "plugins": []})
    RunDir(tmp_path).write_text("config.yaml", "experiment: x\n")
    store = EntryStore(tmp_path)
    store.make()
    for entry in entries(MANY):
        store.path(FAILED, entry.id).write_text(to_json(entry))
    return tmp_path


def test_a_drain_says_a_few_failures_and_how_many_more_there_are(failed):
    ended = outbox("drain", str(failed))
    lines = ended.stderr.splitlines()
    assert ended.returncode == 3 and len(ended.stdout.splitlines()) == 1
    assert sum("was not carried out: 503" in line for line in lines) == 3 and len(lines) == 5
    assert f"{MANY - 3} more entries were not carried out: 503 Service Unavailable (request" in lines[3]
    assert f"callsheet outbox retry {failed} all tries again" in lines[4]
    events = [row for row in RunDir(failed).rows("events.jsonl") if row["event"] == "outbox_failed"]
    assert len({row["id"] for row in events}) == MANY


def test_retrying_all_says_how_many_in_one_short_line(failed):
    ended = outbox("retry", str(failed), "all")
    assert ended.returncode == 0 and len(ended.stdout.splitlines()) == 1
    assert f"{MANY} entries (" in ended.stdout and f"and {MANY - 3} more): pending again" in ended.stdout
    assert len(ended.stdout.replace(str(failed), "")) < 300
    assert len(states(failed)["pending"]) == MANY and states(failed)["failed"] == []
    again = json.loads(next(Path(failed, "outbox", "pending").glob("*.json")).read_text())
    assert (again["attempts"], again["finished_at"]) == (0, None)


def test_what_a_power_cut_took_is_put_again_and_said_in_a_line(failed, shipping):
    run = RunDir(failed)
    lost = [{**vars(entry), "id": f"lost-{number:03}"} for number, entry in enumerate(entries(MANY))]
    run.append(
        CHECKPOINTS,
        {"name": "checkpoint-1", "step": 1, "epoch": 1.0, "path": "checkpoint-1", "files": {}, "entries": lost},
    )
    ended = outbox("drain", str(failed), "--seconds", "0")
    assert f"{MANY} entries were lost when the machine failed, and are put again: lost-000" in ended.stderr
    assert len(ended.stderr.splitlines()) < 12
    found = EntryStore(failed)
    assert [entry["id"] for entry in lost if found.state_of(entry["id"]) is None] == []
    assert sum(row["event"] == "outbox_restored" for row in run.rows("events.jsonl")) == MANY
