"""A checkpoint, the plugin, a courier as a real process, and the small Hub it talks to."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from hub_server import HubServer
from safetensors.numpy import save_file
from waiting import PATIENCE

import callsheet_plugins.hub_revisions  # noqa: F401  (the entry points are installed with it)
from callsheet import LogContext, LoopState, ManifestRow
from callsheet.outbox import Outbox
from callsheet.outbox.store import EntryStore
from callsheet_plugins.hub_revisions import HubRevisions

TOKEN = "hf_" + "t" * 34
PUBLISHED = {"model.safetensors", "config.json", "tokenizer.json", "README.md"}


@pytest.fixture
def environment(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def hub(environment, monkeypatch):
    with HubServer(token=TOKEN) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def checkpoint(run_dir, step, size=2_000, seed=None):
    """A model folder with everything that a Trainer leaves, and what must never leave the machine."""
    import numpy

    folder = run_dir / f"checkpoint-{step}"
    folder.mkdir(exist_ok=True)
    weights = numpy.random.default_rng(step if seed is None else seed).random(size, dtype=numpy.float32)
    save_file({"weight": weights}, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    for secret in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json"):
        (folder / secret).write_text(TOKEN)
    (folder / "notes.txt").write_text("mine")
    return ManifestRow(folder.name, step, float(step), folder)


def put(run_dir, row, *, experiment="me/model", evaluation=None, **settings):
    """What the plugin does when a checkpoint is saved and complete; returns the branch."""
    plugin = HubRevisions(**settings)
    ctx = LogContext(run_dir, experiment, run_dir.name, {"trainer": {"name": "sft"}}, outbox=Outbox(run_dir))
    state = LoopState(ctx, lambda *a: None, lambda *a: None, step=row.step)
    if evaluation is not None:
        plugin.on_eval(state, row.step, "eval", {"eval_loss": evaluation})
    plugin.on_checkpoint(state, row)
    plugin.on_checkpoint_complete(ctx, row)
    return f"{plugin.revision}-step-{row.step:09d}"


def start_courier(run_dir, *options, linger="600"):
    command = [sys.executable, "-m", "callsheet.outbox.courier", str(run_dir), "--linger", linger]
    return subprocess.Popen(
        [*command, "--first-delay", "0.02", "--longest-delay", "0.2", *options],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_courier(run_dir, number, seconds):
    """Start a courier, and kill it within so many seconds, at a moment that `number` decides."""
    process = start_courier(run_dir)
    time.sleep(random.Random(number).uniform(*seconds))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def deliver(run_dir, *options, linger="600"):
    """Run a courier to its end; returns what it logged."""
    process = start_courier(run_dir, *options, linger=linger)
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, log
    return log


def entries(run_dir, state):
    store = EntryStore(run_dir)
    found = [store.read(state, id) for id in store.ids(state)]
    return sorted(found, key=lambda entry: entry.put_at)


def announce(run_dir, *, experiment="me/model", **settings):
    """What a run does with revisions that it has not announced yet; returns them."""
    from callsheet.outbox.supervisor.announcing import Results
    from callsheet.rundir.rundir import RunDir

    heard, plugin = [], HubRevisions(**settings)

    class Hooks:
        def on_revision(self, ctx, revision):
            heard.append(revision)
            plugin.on_revision(ctx, revision)

    ctx = LogContext(run_dir, experiment, outbox=Outbox(run_dir))
    Results(RunDir(run_dir), ctx, Hooks(), lambda *scored: None).announce()
    return heard


def local(row):
    """The bytes of what should be published of a checkpoint, without its card."""
    return {name: (row.path / name).read_bytes() for name in PUBLISHED - {"README.md"}}
