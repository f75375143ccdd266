"""Real processes, killed and stopped: what was saved goes on as if nothing had happened."""

import json
import resource
import shlex
import signal
import subprocess
import sys

import pytest
import warm
from safetensors.torch import load_file
from waiting import wait_until

from callsheet.session.status import status_of

pytestmark = pytest.mark.slow

RUN = [
    "train",
    "recipe=demo",
    "output_dir=run",
    "trainer.args.max_steps=60",
    "trainer.args.save_steps=20",
    "trainer.args.eval_steps=20",
    "trainer.args.save_total_limit=null",
    "trainer.args.logging_steps=5",
    "plugins.bema.update_freq=3",
    "plugins.bema.update_after=10",
    "plugins.exact_match.every_steps=0",
    "plugins.benchmarks.benchmarks=[]",
]


def start(folder, *more):
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "callsheet", *RUN, *more]
    return warm.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_manifest(folder, name, process):
    manifest = folder / "run" / "checkpoints.jsonl"
    wait_until(lambda: process.poll() is not None or (manifest.exists() and name in manifest.read_text()))
    assert process.poll() is None, process.stdout.read()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return folder / "run"


def same_tensors(one, other):
    left, right = load_file(one), load_file(other)
    assert left.keys() == right.keys()
    return all(bool((left[name] == right[name]).all()) for name in left)


def assert_equal_runs(run, whole):
    assert json.loads((run / "run.json").read_text())["status"] == "completed"
    for weights in ("model.safetensors", "bema/model.safetensors", "checkpoint-60/model.safetensors"):
        assert same_tensors(run / weights, whole / weights), weights
    tensors = sorted((whole / "checkpoint-60" / "callsheet").rglob("*.safetensors"))
    assert tensors, "the averaging plugin keeps its tensors in the checkpoint"
    for tensor in tensors:
        assert same_tensors(run / tensor.relative_to(whole), tensor), tensor.name
    state = "checkpoint-60/callsheet/plugins.json"
    assert json.loads((run / state).read_text()) == json.loads((whole / state).read_text())
    assert _metrics(run) == _metrics(whole)
    assert _csv(run) == _csv(whole)


def _metrics(run):
    """Loss by step, the last attempt's word counting."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        (row["step"], row["split"]): row.get("loss", row.get("eval_loss")) for row in rows if "train_runtime" not in row
    }


def _csv(run):
    import csv

    with (run / "metrics.csv").open(newline="") as file:
        return [
            (row["step"], row["split"], row.get("loss")) for row in csv.DictReader(file) if not row.get("train_runtime")
        ]


def test_a_run_killed_in_the_middle_and_resumed_equals_an_uninterrupted_one(tmp_path, uninterrupted):
    process = start(tmp_path)
    wait_for_manifest(tmp_path, "checkpoint-40", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run = tmp_path / "run"
    assert json.loads((run / "run.json").read_text())["status"] == "running" and not (run / "bema").exists()
    found = status_of(run)
    assert found.state == "dead" and found.checkpoint == "checkpoint-40" and found.steps == 60
    again = shlex.join(["callsheet", "train", RUN[1], *RUN[3:], f"output_dir={run}"])
    assert found.commands[0].endswith(f" && {again}")
    again = start(tmp_path)
    output, _ = again.communicate()
    assert again.returncode == 0, output
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [event["step"] for event in events if event["event"] == "resuming"] == [40]
    assert_equal_runs(run, uninterrupted)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_stopped_by_a_signal_saves_says_so_and_goes_on(tmp_path, uninterrupted, signum, code):
    process = start(tmp_path)
    wait_for_manifest(tmp_path, "checkpoint-20", process)
    process.send_signal(signum)
    output, _ = process.communicate()
    run = tmp_path / "run"
    assert process.returncode == code, output
    assert "saving a checkpoint" in output and "Traceback" not in output
    assert "The run lies in run. To go on from checkpoint-" in output and " output_dir=run\n" in output
    outcome = json.loads((run / "run.json").read_text())
    assert outcome["status"] == "interrupted" and outcome["outcome"]["signal"] == signal.Signals(signum).name
    step = outcome["outcome"]["step"]
    assert (run / f"checkpoint-{step}" / "trainer_state.json").is_file()
    again = start(tmp_path)
    output, _ = again.communicate()
    assert again.returncode == 0, output
    assert same_tensors(run / "model.safetensors", uninterrupted / "model.safetensors")
    assert same_tensors(run / "bema" / "model.safetensors", uninterrupted / "bema" / "model.safetensors")


def test_a_signal_before_the_first_step_ends_the_run_in_order(tmp_path):
    process = start(tmp_path)
    run = tmp_path / "run"
    wait_until(lambda: (run / "run.json").exists() or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode == 143 and "Traceback" not in output, output
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"


def test_a_second_run_in_the_same_directory_is_refused(tmp_path):
    process = start(tmp_path, "trainer.args.max_steps=100000")
    wait_for_manifest(tmp_path, "checkpoint-20", process)
    second = start(tmp_path, "trainer.args.max_steps=100000")
    output, _ = second.communicate()
    assert second.returncode == 2 and "Another run is writing to" in output and "Traceback" not in output
    process.terminate()
    process.communicate()
    assert process.returncode == 143


def test_a_full_disk_ends_the_run_with_its_reason(tmp_path):
    """A real full disk: a file-size limit on the process, which makes every larger write fail."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    command = [sys.executable, "-m", "callsheet", *RUN]
    resource.setrlimit(resource.RLIMIT_FSIZE, (300 << 10, limits[1]))  # which the process inherits
    try:
        process = warm.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    _, error = process.communicate()
    assert process.returncode == 1, error
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    assert not (tmp_path / "run" / "checkpoints.jsonl").exists(), "a torn checkpoint is never called complete"
