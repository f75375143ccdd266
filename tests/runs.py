"""Runs of the witness, which writes down what every rank sees: one process or several, under any engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import warm
from waiting import PATIENCE, wait_until

from callsheet.hooks import hook_names
from callsheet.testing.observing.runs import FSDP_ON_CPU

ENGINES = Path(__file__).parent / "engines"
SHARDED = ("zero2", "zero3", "fsdp2")
SMALL = (
    "recipe=demo",
    "trainer.args.max_steps=6",
    "trainer.args.save_steps=2",
    "trainer.args.eval_steps=3",
    "trainer.args.logging_steps=1",
    "trainer.args.save_total_limit=null",
    "trainer.args.per_device_train_batch_size=4",
)
COLD = (sys.executable,)
WATCHED = ("plugins=[witness,observer]", "plugins.witness.folder=.", "plugins.observer.folder=.")


class Run:
    """One command in a folder of its own, with whatever it starts; `start` is another launcher, or a cold Python."""

    def __init__(self, folder, *overrides, launch, processes=2, start=(), env=(), small=SMALL, on_cpu=True):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / "run"
        paths = [ENGINES / "witness", *([FSDP_ON_CPU] if launch == "fsdp2" and on_cpu else [])]
        found = os.environ.get("PYTHONPATH")  # what is not installed, but lies there
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*map(str, paths), *([found] if found else [])]),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
            **dict(env),
        }
        world = [f"launch={launch}", *([f"launch.processes={processes}"] if launch != "single" else [])]
        self.log = (folder / "log.txt").open("a+")
        how = {"workers": bool(launch != "single" or start)} if start is not COLD else {}
        self.process = (subprocess.Popen if start is COLD else warm.Popen)(
            [
                *(start or COLD),
                "-m",
                "callsheet",
                "train",
                *small,
                *WATCHED,
                *world,
                "output_dir=run",
                *overrides,
            ],
            cwd=folder,
            env=environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            text=True,
            **how,
        )

    def wait(self, code=0):
        assert self.process.wait(PATIENCE) == code, self.output
        return self

    @property
    def output(self):
        return (self.folder / "log.txt").read_text()

    def said(self, name, rank=0):
        path = self.folder / f"{name}-{rank}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def hooks(self, name, rank=0):
        return [(entry["hook"], entry.get("step")) for entry in self.said(name, rank) if entry["hook"] in hook_names()]

    def rows(self, kind):
        return [json.loads(line) for line in (self.path / f"{kind}.jsonl").read_text().splitlines()]

    def events(self, kind):
        return [row for row in self.rows("events") if row["event"] == kind]

    def status(self):
        return json.loads((self.path / "run.json").read_text())

    def weights(self, folder="."):
        from safetensors.torch import load_file

        return load_file(self.path / folder / "model.safetensors")

    def wait_for(self, hook, step, rank=0):
        self.wait_until(lambda: (hook, step) in self.hooks("witness", rank))

    def wait_until(self, true):
        """Return once `true()` is, which must be before the run ends."""
        wait_until(lambda: true() or self.process.poll() is not None, said=lambda: self.output)
        assert true(), self.output

    def workers(self):
        """The processes that trained, as they wrote it down."""
        return [self.said("witness", rank)[-1]["pid"] for rank in (0, 1)]


def same(one, other):
    assert one.keys() == other.keys()
    return all(bool((one[name] == other[name]).all()) for name in one)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
