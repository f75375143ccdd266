"""Real training runs that publish: the demo to a folder, and to a Hub that is slow, down, or gone for a while."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from hub_server import Fault

from .conftest import TOKEN

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
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def train(folder, *overrides):
    process = start(folder, *overrides)
    output, error = process.communicate(timeout=240)
    return process.returncode, output, error


def drain(folder):
    command = [sys.executable, "-m", "callsheet", "outbox", "drain", "run", "--seconds", "60"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def manifest(folder):
    from callsheet.checkpoints import manifest
    from callsheet.rundir import RunDir

    return manifest(RunDir(folder / "run", is_main=False))


def test_the_demo_publishes_every_checkpoint_and_the_final_model_to_a_folder(tmp_path):
    code, _output, error = train(tmp_path, "finish.push=true")
    assert code == 0, error
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
        if path.is_file() and path.name != "training_args.bin":
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
