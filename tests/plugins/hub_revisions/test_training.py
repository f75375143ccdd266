"""Real training runs that publish: the demo to a folder, and to a Hub that is slow, down, or gone for a while."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from hub_server import Fault
from waiting import PATIENCE, wait_until

from callsheet import Plugin, hookimpl
from plugins.hub_revisions.conftest import TOKEN

pytestmark = pytest.mark.slow

SMALL = [
    "recipe=demo",
    "plugins=[hub_revisions]",
    "output_dir=run",
    "trainer.args.max_steps=9",
    "trainer.args.save_steps=3",
    "trainer.args.eval_strategy=no",
    "trainer.args.save_total_limit=1",
    "trainer.args.per_device_train_batch_size=4",
    "outbox.first_delay_seconds=0.1",
]
HUB = ["plugins.hub_revisions.hub=huggingface", "plugins.hub_revisions.repo=me/model"]
BRANCHES = [f"main-step-{step:09d}" for step in (3, 6, 9)]


def start(folder, *overrides):
    command = [sys.executable, "-m", "callsheet", "train", *SMALL, *overrides]
    ranks = any(item.startswith("launch=") for item in overrides)
    return warm.Popen(command, workers=ranks, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def train(folder, *overrides):
    process = start(folder, *overrides)
    output, error = process.communicate(timeout=PATIENCE)
    return process.returncode, output, error


def drain(folder):
    command = [sys.executable, "-m", "callsheet", "outbox", "drain", "run", "--seconds", "60"]
    return warm.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


def manifest(folder):
    from callsheet.rundir.checkpoints import manifest
    from callsheet.rundir.rundir import RunDir

    return manifest(RunDir(folder / "run", is_main=False))


def test_two_ranks_publish_every_checkpoint_and_the_final_model_to_a_folder(tmp_path):
    code, _output, error = train(tmp_path, "finish.push=true", "launch=ddp", "launch.processes=2")
    assert code == 0, error
    done = (tmp_path / "run" / "events.jsonl").read_text()
    assert done.count('"event": "carried_out"') == 4, "each by one rank, once"
    hub = tmp_path / "run" / "hub"
    assert sorted(path.name for path in hub.iterdir()) == ["main", *BRANCHES]
    last = tmp_path / "run" / "checkpoint-9" / "model.safetensors"
    assert (hub / BRANCHES[-1] / "model.safetensors").read_bytes() == last.read_bytes()
    final = {path.name for path in (hub / "main").iterdir()}
    assert final >= {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "README.md"}
    assert not final & {"training_args.bin", "optimizer.pt", "trainer_state.json"}
    assert [row.revisions[0].branch for row in manifest(tmp_path).values()] == BRANCHES
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(hub / "main")


def test_averaged_weights_get_a_branch_of_their_own_when_asked(tmp_path):
    chosen = ["plugins=[bema,hub_revisions]", "plugins.bema.update_freq=1", "plugins.bema.update_after=2"]
    code, _output, error = train(tmp_path, *chosen, "plugins.hub_revisions.artifacts=[bema]")
    assert code == 0, error
    published = tmp_path / "run" / "hub" / "main-bema-step-000000009" / "model.safetensors"
    assert published.read_bytes() == (tmp_path / "run" / "bema" / "model.safetensors").read_bytes()


def test_the_average_of_every_checkpoint_is_published_and_pruned_apart(tmp_path):
    chosen = ["plugins=[bema,hub_revisions]", "plugins.bema.update_freq=1", "plugins.bema.update_after=0"]
    code, _output, error = train(
        tmp_path,
        *chosen,
        "plugins.bema.every_checkpoint=true",
        "plugins.hub_revisions.artifacts=[bema]",
        "plugins.hub_revisions.keep_last=2",
    )
    assert code == 0, error
    assert sorted(path.name for path in (tmp_path / "run" / "hub").iterdir() if path.is_dir()) == [
        "main-bema-step-000000006", "main-bema-step-000000009", "main-step-000000006", "main-step-000000009",
    ]  # fmt: skip
    for row in manifest(tmp_path).values():
        assert {revision.weights for revision in row.revisions} == {"raw", "bema"}


def test_a_slow_hub_with_faults_gets_every_checkpoint_though_only_one_is_kept(tmp_path, hub):
    hub.latency = 0.3
    hub.fail(Fault("POST commit", status=500, times=2), Fault("GET refs", "reset", times=2))
    code, output, error = train(tmp_path, *HUB)
    assert code == 0, error
    assert set(hub.store.repos["me/model"].branches) == {"main", *BRANCHES}
    for row, branch in zip(manifest(tmp_path).values(), BRANCHES, strict=True):
        (revision,) = row.revisions
        assert revision.commit == hub.store.repos["me/model"].branches[branch]
        files = hub.store.files("me/model", revision.commit)
        import hashlib

        assert hashlib.sha256(files["model.safetensors"]).hexdigest() == row.files["model.safetensors"].sha256
        assert not set(files) & {"training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"}
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path
    assert TOKEN not in output + error


def test_a_hub_that_is_down_does_not_stop_training_and_a_drain_publishes_later(tmp_path, hub):
    hub.fail(Fault("POST create_repo", status=503, times=10**6))
    code, _output, error = train(tmp_path, *HUB, "outbox.deadline_seconds=1", "outbox.linger_seconds=0")
    assert code == 3 and "3 left, kept for: callsheet outbox drain" in error, error
    hub.faults.pending.clear()
    done = drain(tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(hub.store.repos["me/model"].branches) == {"main", *BRANCHES}
    assert [row.revisions[0].branch for row in manifest(tmp_path).values()] == BRANCHES


@pytest.mark.parametrize("number", range(3))
def test_a_trainer_and_its_courier_killed_lose_nothing_that_was_saved(tmp_path, hub, number):
    chance = random.Random(number)
    hub.latency = 0.05
    process = start(tmp_path, *HUB, "trainer.args.max_steps=60")
    pending = tmp_path / "run" / "outbox"
    while not pending.exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(chance.random() * 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with contextlib.suppress(OSError, ValueError):
        os.kill(json.loads((pending / "courier.lock").read_text())["pid"], signal.SIGKILL)
    done = drain(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = manifest(tmp_path)
    repo = hub.store.repos.get("me/model")
    for name, row in rows.items():
        (revision,) = row.revisions
        assert name == f"checkpoint-{revision.step}"
        history = repo.history(revision.branch)
        assert len(history) == 2 and history[0].oid == revision.commit
        if (row.path / "model.safetensors").exists():
            sent = hub.store.files("me/model", revision.commit)["model.safetensors"]
            assert sent == (row.path / "model.safetensors").read_bytes()


class Logger(Plugin):
    """Hears of revisions until its run ends, as a tracker does that closes then."""

    def __post_init__(self):
        super().__post_init__()
        self.heard = []

    @hookimpl
    def on_revision(self, ctx, revision):
        self.heard.append(revision.branch)

    @hookimpl(tryfirst=True)
    def on_run_end(self, ctx, run_result, arm):
        self.heard.append("end")


@pytest.mark.parametrize(("peft", "weights"), [("none", "model"), ("lora", "adapter_model")])
def test_the_final_model_is_announced_before_the_run_ends(run_demo, peft, weights):
    logger = Logger()
    session = run_demo("plugins=[hub_revisions]", "finish.push=true", f"peft={peft}", plugins=[logger])
    assert sorted(logger.heard[:-1]) == ["main", "main-step-000000002", "main-step-000000004"]
    assert logger.heard[-1] == "end"
    final = session.run_dir.path / "hub" / "main" / f"{weights}.safetensors"
    assert final.read_bytes() == (session.run_dir.path / f"{weights}.safetensors").read_bytes()


def test_the_final_model_of_a_run_that_goes_on_is_published_too(run_demo):
    for steps in (2, 4):
        session = run_demo("plugins=[hub_revisions]", "finish.push=true", f"trainer.args.max_steps={steps}")
    folder = session.run_dir.path
    assert (folder / "hub" / "main" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def started_by(pid):
    """The processes that a driver started, by their parent as the kernel tells it."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            rest = stat.read_text().rpartition(")")[2].split()
            if int(rest[1]) == pid and rest[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def status(folder):
    with contextlib.suppress(OSError, ValueError):
        return json.loads((folder / "run" / "run.json").read_text())["status"]


def test_two_ranks_publish_once_and_a_signal_ends_their_wait(tmp_path, hub):
    ranks = ["plugins=[bema,hub_revisions,csv_metrics]", "launch=ddp", "launch.processes=2", "finish.push=true"]
    hub.fail(Fault("POST commit", status=503, times=10**6))
    process = start(tmp_path, *HUB, *ranks, "outbox.linger_seconds=0")
    wait_until(lambda: status(tmp_path) == "completed" or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    workers = started_by(process.pid)
    process.send_signal(signal.SIGTERM)
    _output, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3, error
    assert len(workers) >= 2
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert "SIGTERM: waiting no longer" in error and "4 left, kept for: callsheet outbox drain" in error
    assert status(tmp_path) == "completed" and "Traceback" not in error
    assert error.count("Loading ") == error.count("Run directory: ") == 1, "said by one of three processes"
    wait_until(lambda: not (tmp_path / "run" / "outbox" / "courier.lock").exists())
    hub.faults.pending.clear()
    code, output, error = train(tmp_path, *HUB, *ranks)
    assert code == 3 and "nothing is left to train" in output, error
    assert drain(tmp_path).returncode == 0
    repo = hub.store.repos["me/model"]
    assert set(repo.branches) == {"main", *BRANCHES}
    assert [len(repo.history(branch)) for branch in ("main", *BRANCHES)] == [2, 2, 2, 2]
    assert [row.revisions[0].branch for row in manifest(tmp_path).values()] == BRANCHES


def test_a_run_stopped_by_a_signal_says_how_to_publish_the_rest(tmp_path, hub):
    hub.fail(Fault("POST commit", status=503, times=10**6))
    process = start(tmp_path, *HUB, "trainer.args.max_steps=100000", "outbox.linger_seconds=0")
    while not (tmp_path / "run" / "outbox" / "pending").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _output, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143, error
    assert "The run lies in run. " in error and "left, kept for: callsheet outbox drain" in error


def test_an_adapter_of_a_local_folder_is_published_without_that_folder_and_scored(run_trainer, tmp_path):
    from safetensors.torch import load_file

    base = run_trainer("sft", "plugins=[]", output_dir="base").run_dir.path
    questions = tmp_path / "base.jsonl"  # the rows that it was trained on
    benchmark = f"plugins.benchmarks.define={{words: {{engine: exact_match, path: {questions}, limit: 2}}}}"
    session = run_trainer(
        "sft",
        f"model.path={base}",
        "model.init=pretrained",
        "peft=lora",
        "finish.push=true",
        "plugins=[hub_revisions,bema,benchmarks]",
        "plugins.bema.update_freq=1",
        "plugins.bema.every_checkpoint=true",
        "plugins.hub_revisions.artifacts=[bema]",
        "plugins.benchmarks.benchmarks=[words]",
        benchmark,
    )
    folder = session.run_dir.path
    published = [path for path in (folder / "hub").rglob("*") if path.is_file()]
    assert {path.parent.name for path in published} >= {"main", "main-step-000000002", "main-bema-step-000000002"}
    home = {str(tmp_path), str(Path.home()), str(Path.cwd())}
    assert not [path for path in published if any(place.encode() in path.read_bytes() for place in home)]
    for path in published:
        if path.name == "adapter_config.json":
            assert json.loads(path.read_text())["base_model_name_or_path"] is None
        if path.name == "README.md":
            assert "library_name: peft" in path.read_text()
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    assert load_file(folder / "hub" / "main" / "adapter_model.safetensors")
    scored = [json.loads(line) for line in (folder / "evals.jsonl").read_text().splitlines()]
    assert {row["weights"] for row in scored} == {"raw", "bema"} and all(row["commit"] for row in scored)
    assert len({row["key"] for row in scored}) == len(scored)
