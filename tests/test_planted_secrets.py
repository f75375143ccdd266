"""Secrets planted at every door of a run that publishes and scores, and then looked for wherever they might have gone."""

import base64
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
import warm
from hub_server import HubServer
from waiting import PATIENCE

pytestmark = pytest.mark.slow

HF = "hf_" + "PlantedAtEveryDoor" * 2
PLANTED = {
    "HF": HF,
    "VARIABLE": "variable+of/the~environment",
    "TYPED": "typed+on/the-command-line",
    "RECIPE": "written+into/a~recipe",
    "REMOTE": "password+of/a~git-remote",
}
ENGINE = """
import base64, json, os, pathlib, sys, urllib.parse
results, secrets, seen = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text()), pathlib.Path(sys.argv[3])
seen.write_bytes(pathlib.Path("/proc/self/environ").read_bytes())
seen.with_suffix(".runner").write_bytes(pathlib.Path(f"/proc/{os.getppid()}/environ").read_bytes())
out = pathlib.Path(results).parent
for secret in secrets:
    encoded = base64.b64encode(f"me:{secret}".encode()).decode()
    for said in (secret, encoded, urllib.parse.quote(secret, safe=""), f"Authorization: Basic {encoded}"):
        print("x" * 1000, said, file=sys.stderr)
    (out / f"left-{secret.replace('/', '_')}.txt").write_text(f"{secret} {encoded}")
first = secrets[0]
scores = {"metrics": {"accuracy": 0.5, f"of {first}": 0.25}, "breakdowns": {f"on {first}": {f"by {first}": 0.5}}}
rows = [{"prompt": f"say {first}", secrets[1]: [encoded]}]
pathlib.Path(results).write_text(json.dumps({**scores, "predictions": rows}))
"""
CALLBACK = """
import logging, os, warnings
from transformers import TrainerCallback

class Talking(TrainerCallback):
    def __init__(self, api_key, other_token):
        self.secrets = [api_key, other_token, os.environ["PLANTED_API_KEY"], os.environ["HF_TOKEN"]]

    def on_log(self, args, state, control, logs=None, **kwargs):
        logs[f"of {self.secrets[2]}"] = 1.0

    def on_step_end(self, args, state, control, **kwargs):
        for secret in self.secrets if state.global_step == 1 else ():
            print("printed", secret)
            warnings.warn(f"warned of {secret}")
            logging.getLogger("transformers").warning("logged %s", secret)

    def on_train_end(self, args, state, control, **kwargs):
        raise RuntimeError(f"failed with {self.secrets}")
"""
RECIPE = """# @package _global_
defaults: [demo]
callbacks: {{talking: {{path: talking.Talking, api_key: {api_key}}}}}
plugins:
  benchmarks:
    define:
      ours: {{engine: command, command: ["{{python}}", {folder}/engine.py, "{{results}}", {folder}/told.json, {folder}/seen.job]}}
"""
SMALL = [
    *("--config-dir", "conf", "recipe=mine", "output_dir=run", "plugins=[hub_revisions,benchmarks,csv_metrics]"),
    *("plugins.benchmarks.benchmarks=[ours]", "plugins.hub_revisions.hub=huggingface"),
    *("plugins.hub_revisions.repo=me/model", "trainer.args.max_steps=2", "trainer.args.save_steps=2"),
    *("trainer.args.eval_strategy=no", "trainer.args.logging_steps=1", "trainer.args.per_device_train_batch_size=4"),
    *("outbox.first_delay_seconds=0.1", f"+callbacks.talking.other_token={PLANTED['TYPED']}"),
]


def writings(secret: str) -> set[bytes]:
    """How the secret may stand somewhere, in the writings that callsheet.secrets promises to find."""
    raw = secret.encode()
    middles = {base64.b64encode(b"\0" * before + raw)[(0, 2, 3)[before] : -4] for before in range(3)}
    return {raw, secret.replace("/", "_").encode(), quote(secret, safe="").encode(), raw.hex().encode(), *middles}


FORMS = {(name, form) for name, secret in PLANTED.items() for form in writings(secret)}


def found_in(content: bytes) -> set[str]:
    return {name for name, form in FORMS if form in content}


class Watch(threading.Thread):
    """Notes the command of every process that names `folder` in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.commands, self.over = str(folder).encode(), {}, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            for place in Path("/proc").glob("[0-9]*"):
                try:
                    command = (place / "cmdline").read_bytes()
                except OSError:
                    continue
                if self.folder in command:
                    self.commands[place.name] = command


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "conf" / "recipe").mkdir(parents=True)
    written = RECIPE.format(api_key=PLANTED["RECIPE"], folder=tmp_path)
    (tmp_path / "conf" / "recipe" / "mine.yaml").write_text(written)
    (tmp_path / "engine.py").write_text(ENGINE)
    (tmp_path / "told.json").write_text(json.dumps([PLANTED["VARIABLE"], HF]))
    (tmp_path / "talking.py").write_text(CALLBACK)
    quiet = {"cwd": tmp_path, "check": True, "capture_output": True}
    subprocess.run(["git", "init", "-q", "-b", f"b-{HF}"], **quiet)
    subprocess.run(["git", "remote", "add", "origin", f"https://me:{PLANTED['REMOTE']}@example.org/x.git"], **quiet)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], **quiet)
    return tmp_path


def test_no_secret_is_found_where_a_run_writes_prints_publishes_or_starts_processes(folder):
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environ |= {
        "HF_TOKEN": HF,
        "PLANTED_API_KEY": PLANTED["VARIABLE"],
        "HF_HUB_OFFLINE": "0",
        "PYTHONPATH": str(folder),
    }
    watch = Watch(folder)
    with HubServer(token=HF) as hub:
        watch.start()
        command = [sys.executable, "-m", "callsheet", "train", *SMALL]
        how = {"cwd": folder, "env": {**environ, "HF_ENDPOINT": hub.url}, "capture_output": True, "timeout": PATIENCE}
        done = subprocess.run(command, **how)  # cold: one that is warm has loggers that began before it
        assert done.returncode == 1, done.stderr.decode()[-3000:]
        drained = warm.run([*command[:3], "outbox", "drain", "run", "--seconds", "60"], **how)
        watch.over.set()
        published = hub.store.files("me/model", "main-step-000000002")
    printed = done.stdout + done.stderr + drained.stdout + drained.stderr
    assert b"failed with ['***', '***', '***', '***']" in printed and b"printed ***" in printed
    assert found_in(printed) == set()

    run = folder / "run"
    files = [path for path in run.rglob("*") if path.is_file()]
    assert {"config.yaml", "run.json", "metrics.csv", "evals.jsonl", "training_args.bin"} <= {
        path.name for path in files
    }
    assert "of ***" in (run / "evals.jsonl").read_text() and list(run.glob("predictions/*.jsonl"))
    leaks = {str(path): found for path in files if (found := found_in(path.read_bytes()))}
    leaks |= {str(path): found for path in run.rglob("*") if (found := found_in(str(path).encode()))}
    assert leaks == {}

    assert b"of ***" in published["README.md"]
    assert set().union(*map(found_in, published.values())) == set()

    couriers = [command for command in watch.commands.values() if b"callsheet.outbox.courier" in command]
    jobs = [command for command in watch.commands.values() if b"engine.py" in command or b"runner.py" in command]
    assert couriers and jobs and not any(found_in(command) for command in (*couriers, *jobs))
    for seen in (folder / "seen.job", folder / "seen.runner"):
        assert found_in(seen.read_bytes()) == {"HF"}, "the command may need it, and nothing else"
