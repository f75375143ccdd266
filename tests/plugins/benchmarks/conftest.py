"""A checkpoint, the plugin, an engine made of a few lines of Python, and a courier as a real process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from waiting import PATIENCE

from callsheet import LogContext, ManifestRow
from callsheet.outbox import Outbox
from callsheet.outbox.store import EntryStore
from callsheet_plugins.benchmarks import Benchmarks

# Writes down when it began and ended, does what it is told, and leaves a score.
ENGINE = """
import json, os, sys, time
from pathlib import Path
spec, results, model = json.loads(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
diary = Path(spec["diary"])
def note(what):
    with diary.open("a") as file:
        file.write(json.dumps({"what": what, "pid": os.getpid(), "model": str(model), "time": time.time()}) + "\\n")
note("began")
began = sum('"began"' in line for line in diary.read_text().splitlines())
if began <= spec.get("fail", 0):
    print("the first line\\nit cannot go on")
    sys.exit(3)
if began <= spec.get("hang", 0):
    time.sleep(600)
time.sleep(spec.get("sleep", 0))
while sum('"began"' in line for line in diary.read_text().splitlines()) < spec.get("meet", 0):
    time.sleep(0.01)
while not Path(spec.get("until", "/")).exists():
    time.sleep(0.01)
if "text" in spec:
    results.write_text(spec["text"])
elif not spec.get("silent"):
    results.write_text(json.dumps({"metrics": {"score": len((model / "model.safetensors").read_bytes())},
                                   "predictions": [{"prompt": "a", "answer": "b"}]}))
note("ended")
"""


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def engine(tmp_path):
    """`engine(sleep=1)` is the setting `define` with a benchmark called `mine`, which is a few lines of Python.

    With `meet=2` it ends once two have begun, with `until=path` once there is such a file.
    """
    script = tmp_path / "engine.py"
    script.write_text(ENGINE)

    def make(**spec):
        said = json.dumps({"diary": str(tmp_path / "diary.jsonl"), **spec})
        return {"mine": {"engine": "command", "command": [sys.executable, str(script), said, "{results}", "{model}"]}}

    return make


@pytest.fixture
def diary(tmp_path):
    def read(what=None):
        path = tmp_path / "diary.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [row for row in rows if what in (None, row["what"])]

    return read


def checkpoint(run_dir, step):
    folder = run_dir / f"checkpoint-{step}"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"w" * step)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    for other in ("optimizer.pt", "trainer_state.json", "training_args.bin"):
        (folder / other).write_text("x")
    return ManifestRow(folder.name, step, float(step), folder)


def put(run_dir, define, *steps, config=None, **settings):
    """What the plugin does at checkpoints."""
    plugin = Benchmarks(benchmarks=["mine"], define=define, **settings)
    ctx = LogContext(run_dir, "test", run_dir.name, config or {}, outbox=Outbox(run_dir))
    for step in steps or (1,):
        plugin.on_checkpoint_complete(ctx, checkpoint(run_dir, step))
        time.sleep(0.01)


def start_courier(run_dir, *options):
    command = [sys.executable, "-m", "callsheet.outbox.courier", str(run_dir), "--first-delay", "0.02"]
    return subprocess.Popen(
        [*command, "--longest-delay", "0.2", *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def deliver(run_dir, *options):
    process = start_courier(run_dir, *options)
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, log
    return log


def entries(run_dir, state):
    """Without those that a checkpoint put, of which the courier makes one for each benchmark."""
    store = EntryStore(run_dir)
    found = [entry for id in store.ids(state) if "benchmarks" not in (entry := store.read(state, id)).payload]
    return sorted(found, key=lambda entry: entry.put_at)


def scored(run_dir):
    """The entries that brought a score."""
    return [entry for entry in entries(run_dir, "done") if (entry.result or {}).get("evals")]


def events(run_dir, kind):
    path = run_dir / "events.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row["event"] == kind]


def result(entry):
    (scored,) = entry.result["evals"]
    return scored["result"]


def status(run_dir):
    """What the runner of the newest attempt wrote."""
    paths = sorted(run_dir.glob("benchmarks/*/attempt-*/status.json"), key=lambda path: path.stat().st_mtime)
    return json.loads(paths[-1].read_text()) if paths else {}


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def callsheet(*arguments, cwd, **environment):
    command = [sys.executable, "-m", "callsheet", *map(str, arguments)]
    env = {**os.environ, "COLUMNS": "200", **environment}
    return warm.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=PATIENCE)
