"""Small experiments as their files tell of them: a queue, and run directories as runs leave them."""

import json

from callsheet.experiments.arms import Arm
from callsheet.experiments.places import DONE, FAILED
from callsheet.experiments.queue import Attempt, Queue
from callsheet.experiments.queue.records import of

START, END = "2026-11-20T09:00:00.000+00:00", "2026-11-20T09:10:00.000+00:00"


class Folder:
    """An experiment in `path`, to which arms are added as they end."""

    def __init__(self, path, **settings):
        path.mkdir(exist_ok=True)
        self.path, self.queue, self.names = path, Queue(path), []
        self.queue.make()
        self.settings = {"name": path.name, "success_metric": "test.accuracy", **settings}

    def record(self, **fields):
        """What the driver writes."""
        about = {"format": 1, "name": self.path.name, "experiment_id": "e7", "callsheet": "0.1.0", "created": START}
        known = {"settings": self.settings, "arms": [{"name": name} for name in self.names], "status": "running"}
        (self.path / "experiment.json").write_text(json.dumps({**about, **known, **fields}))
        return self

    def add(self, method, seed=None, *, state="pending", status=None, error=None, **fields):
        name = "__".join([method, *([f"s{seed}"] if seed is not None else []), *filter(None, [fields.get("stage")])])
        arm = Arm(name, method, (f"x={method}",), method if seed is not None else None, seed, **fields)
        self.names.append(name)
        self.queue.add(of(arm, digest="d", differs={"x": method}))
        if state != "pending":
            claim = self.queue.claim(name, "node1-7-aaaaaa", len(self.names))
            if state != "active":
                entry = self.queue.read_claimed(claim)
                attempt = Attempt("node1-7-aaaaaa", "node1", 7, START, END, 600.0, status)
                over = type(entry)(**{**vars(entry), "attempts": (attempt,), "status": status, "error": error})
                self.queue.settle(claim, over, state)
        return name

    def done(self, method, seed=None, score=None, *, status="completed", metrics=None, evals=(), **fields):
        name = self.add(method, seed, state=DONE, status=status, **fields)
        rows = [*evals] if score is None else [scored(score), *evals]
        run(self.path / name, status=status, metrics=metrics, evals=rows)
        return name

    def failed(self, method, seed=None, error="CUDA out of memory", **fields):
        return self.add(method, seed, state=FAILED, status="failed", error=error, **fields)


def scored(value, name="test", step=4, weights="raw", **more):
    row = {
        "name": name,
        "metrics": {"accuracy": value},
        "step": step,
        "weights": weights,
        "tags": {},
        "eval_seconds": 2.0,
    }
    return {**row, "key": f"{name}:{weights}::{step}", **more}


def run(folder, *, status="completed", metrics=None, evals=(), **fields):
    """A run directory, with what results are made from."""
    folder.mkdir(exist_ok=True)
    outcome = {"status": status, "step": 4, "metrics": metrics or {}, "seconds": 60.0, "run_id": folder.name}
    about = {"format": 1, "run": folder.name, "status": status, "started": START, "config": {"seed": 1}, "ids": {}}
    (folder / "run.json").write_text(json.dumps({**about, "outcome": outcome, "attempts": [], **fields}))
    (folder / "evals.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in evals))
    return folder


def two_methods(path, plain=(0.50, 0.52, 0.49, 0.51), bema=(0.53, 0.56, 0.515, 0.54), **settings):
    """Plain and bema, a score for each seed; None is an arm that failed."""
    made = Folder(path, **settings)
    for seed in range(max(len(plain), len(bema))):
        for method, scores in (("plain", plain), ("bema", bema)):
            if seed < len(scores):
                made.failed(method, seed) if scores[seed] is None else made.done(method, seed, scores[seed])
    return made.record()
