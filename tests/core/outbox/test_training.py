"""A real training run with an outbox: what its exit code says, and what it survives."""

import json
import sys

import pytest
import warm
from waiting import PATIENCE

from core.outbox.conftest import heard, states

pytestmark = pytest.mark.slow

TRAIN = [
    "train",
    "recipe=demo",
    "plugins=[shipper]",
    "output_dir=run",
    "trainer.args.max_steps=6",
    "trainer.args.save_steps=2",
    "trainer.args.eval_strategy=no",
    "trainer.args.save_total_limit=1",
    "trainer.args.per_device_train_batch_size=4",
    "outbox.first_delay_seconds=0.1",
]


@pytest.fixture
def train(tmp_path, shipping):
    def start(*overrides):
        to = f"plugins.shipper.to={tmp_path / 'shelf'}"
        command = [sys.executable, "-m", "callsheet", *TRAIN, to, *overrides]
        return warm.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)

    return start


def events(tmp_path, kind):
    rows = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    return [row for row in rows if row["event"] == kind]


def test_a_slow_shelf_loses_nothing_to_checkpoint_rotation(tmp_path, train):
    done = train('plugins.shipper.payload=\'{"seconds": 1.0, "fail": 1}\'')
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "run" / "checkpoint-2").exists(), "rotated away"
    for step in (2, 4, 6):
        assert (tmp_path / "shelf" / f"checkpoint-{step}" / "optimizer.pt").stat().st_size
    assert sorted(row["branch"] for row in heard(tmp_path / "run")) == [f"checkpoint-{step}" for step in (2, 4, 6)]
    from callsheet.rundir.checkpoints import manifest
    from callsheet.rundir.rundir import RunDir

    rows = manifest(RunDir(tmp_path / "run"))
    assert [row.revisions[0].branch for row in rows.values()] == list(rows)
    last = tmp_path / "run" / "checkpoint-6" / "model.safetensors"
    assert (tmp_path / "shelf" / "checkpoint-6" / "model.safetensors").read_bytes() == last.read_bytes()


def test_a_run_that_could_not_publish_everything_in_time_ends_with_code_3(tmp_path, train):
    never = "plugins.shipper.payload='{\"fail\": 1000000}'"
    done = train(never, "outbox.deadline_seconds=1", "outbox.linger_seconds=0")
    assert done.returncode == 3, done.stderr
    assert "3 left, kept for: callsheet outbox drain" in done.stderr and "completed" in done.stdout
    outcome = json.loads((tmp_path / "run" / "run.json").read_text())
    assert outcome["status"] == "completed" and outcome["outbox"] == {"done": 0, "left": 3, "failed": 0}
    again = train(never)
    assert again.returncode == 3 and "nothing is left to train" in again.stdout and "3 left" in again.stderr


def test_a_refusal_is_told_in_one_message_and_training_goes_on(tmp_path, train):
    done = train("plugins.shipper.payload='{\"refuse\": true}'", "trainer.args.save_steps=6")
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("belongs to somebody else. Choose another folder.") == 1
    assert "1 failed; callsheet outbox" in done.stderr and len(events(tmp_path, "outbox_failed")) == 1
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "completed"


def test_a_full_disk_costs_the_entry_and_not_the_run(tmp_path, train):
    done = train("plugins.shipper.full=true")
    assert done.returncode == 0, done.stderr
    assert [event["error"].partition(":")[0] for event in events(tmp_path, "plugin_failed")] == ["OSError"] * 3
    assert not any(states(tmp_path / "run").values()) and not list((tmp_path / "run" / "snapshots").iterdir())
    assert [path for path in (tmp_path / "run" / "outbox").rglob("*") if path.is_file()] == []


def test_a_run_without_an_outbox_starts_no_courier(tmp_path, train):
    done = train("plugins.shipper.to=''")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "run" / "outbox").exists() and not (tmp_path / "run" / "snapshots").exists()
