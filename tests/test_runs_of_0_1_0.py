"""A run that Callsheet 0.1.0 left behind when it was killed: it is drained, scored and trained on as if it were ours.

`fixtures/run-0.1.0.tar.xz` holds it, killed after checkpoint-8 of 12 with nothing published, and its model.
"""

import json
import re
import shutil
import sys
import tarfile
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest
import warm
from waiting import PATIENCE

pytestmark = pytest.mark.slow

ARCHIVE = Path(__file__).parent / "fixtures" / "run-0.1.0.tar.xz"
COMMAND = [
    "train",
    "recipe=demo",
    "model.path=tiny",
    "output_dir=run",
    "trainer.args.max_steps=12",
    "trainer.args.save_steps=4",
    "trainer.args.eval_steps=6",
    "trainer.args.logging_steps=2",
    "trainer.args.per_device_train_batch_size=4",
    "plugins.bema.update_after=2",
    "plugins.bema.update_freq=2",
    "+plugins.exact_match.limit=20",
    "plugins.hub_revisions.artifacts=[bema]",
    "+plugins.benchmarks.define.test.limit=20",
]
BRANCHES = {f"main-{weights}step-00000000{step}" for weights in ("", "bema-") for step in (4, 8)}


def callsheet(folder, *arguments):
    command = [sys.executable, "-m", "callsheet", *arguments]
    done = warm.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stdout + done.stderr
    return done


def rows(folder, name):
    return [json.loads(line) for line in (folder / "run" / name).read_text().splitlines()]


def events(folder, kind):
    return [row for row in rows(folder, "events.jsonl") if row["event"] == kind]


def scored(folder):
    """Which weights of which step have how many scores by a job; exact_match scores the model in the loop as well."""
    jobs = [row for row in rows(folder, "evals.jsonl") if row["commit"]]
    return Counter((row["tags"]["weights"], row["step"]) for row in jobs)


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The folder as it was left, with the demo where it is here: the data lie where the installation does."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    run = folder / "run" / "run.json"
    run.write_text(re.sub(r'"[^"]*/callsheet_conf/', f'"{files("callsheet_conf")}/', run.read_text()))
    return folder


@pytest.fixture(scope="module")
def drained(left, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drained") / "folder"
    shutil.copytree(left, folder)
    return folder, callsheet(folder, "outbox", "drain", "run")


def test_a_drain_publishes_announces_and_scores_all_of_it_once(drained):
    folder, done = drained
    assert "Everything is published" in done.stdout
    assert {path.name for path in (folder / "run" / "hub").iterdir() if path.is_dir()} == BRANCHES
    announced = [row["revision"]["branch"] for row in rows(folder, "checkpoints.jsonl") if "revision" in row]
    assert sorted(announced) == sorted(BRANCHES)
    assert scored(folder) == {("raw", 4): 1, ("raw", 8): 1, ("bema", 4): 1, ("bema", 8): 1}
    assert not events(folder, "benchmark_failed")
    assert len((folder / "run" / "README.md").read_text()) > 0


def test_the_same_command_goes_on_from_the_last_checkpoint(drained, tmp_path):
    folder = tmp_path / "folder"
    shutil.copytree(drained[0], folder)
    done = callsheet(folder, *COMMAND)
    assert "Resuming from checkpoint-8." in done.stderr and "torn" not in done.stderr
    assert [event["step"] for event in events(folder, "resuming")] == [8]
    assert {*events(folder, "restored")[0]["plugins"]} >= {"bema", "early_stopping"}
    assert not (folder / "run" / "torn").exists() and not events(folder, "plugin_failed")
    assert json.loads((folder / "run" / "run.json").read_text())["status"] == "completed"
    assert {row["step"] for row in rows(folder, "metrics.jsonl") if row["split"] == "train"} == {2, 4, 6, 8, 10, 12}
    assert scored(folder) == {(weights, step): 1 for weights in ("raw", "bema") for step in (4, 8, 12)}
    assert (folder / "run" / "bema" / "model.safetensors").is_file()


def test_one_of_its_checkpoints_is_scored_by_hand(drained, tmp_path):
    folder = tmp_path / "folder"
    shutil.copytree(drained[0], folder)
    before = scored(folder)
    limit = "plugins.benchmarks.define.test.limit=10"  # or it would be scored already
    done = callsheet(folder, "bench", "run/checkpoint-8", "--benchmarks", "test", limit)
    assert "exact_match" in done.stdout
    assert scored(folder) - before == {("raw", 8): 1, ("bema", 8): 1}
