"""The summary of 1,000 runs, and the scores of one run that has 200,000: `python bench/experiments.py`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from timing import in_turn, machine

from callsheet.experiments import results
from callsheet.experiments.arms import Arm
from callsheet.experiments.places import DONE
from callsheet.experiments.queue import Queue
from callsheet.experiments.queue.records import of
from callsheet.rundir.rundir import RunDir
from callsheet.session.recorded.evals import evals_of

METHODS, SEEDS = 100, 10
SCORES = 10  # of a run
MANY = 200_000  # scores of one run
ARGUMENTS = {f"argument_{number}": number for number in range(200)}  # a configuration as large as the demo's


def rows(count: int) -> Iterator[str]:
    for step in range(count):
        row = {"time": "2026-11-20T09:00:00.000+00:00", "key": f"test:raw::{step}", "name": "test", "step": step}
        more = {"benchmark_id": "exact_match/test", "weights": "raw", "breakdowns": {}, "tags": {"weights": "raw"}}
        yield json.dumps({**row, "metrics": {"accuracy": 0.5 + step / 1e6}, **more, "eval_seconds": 1.5}) + "\n"


def experiment(folder: Path) -> None:
    queue = Queue(folder)
    queue.make()
    run = {"format": 1, "status": "completed", "config": {"args": ARGUMENTS}, "trainer_args": ARGUMENTS, "attempts": []}
    outcome = {"status": "completed", "step": SCORES, "metrics": {"eval_loss": 1.0}, "seconds": 60.0, "run_id": "x"}
    for number in range(METHODS * SEEDS):
        method, seed = f"m{number % METHODS}", number // METHODS
        name = f"{method}__s{seed}"
        (folder / name).mkdir()
        (folder / name / "run.json").write_text(json.dumps({**run, "run": name, "outcome": outcome}, indent=2))
        (folder / name / "evals.jsonl").write_text("".join(rows(SCORES)))
        queue.inside.write(
            queue.path(DONE, name), json.dumps({**vars(of(Arm(name, method, (), method, seed))), "status": "completed"})
        )
    settings = {"success_metric": "test.accuracy"}
    (folder / "experiment.json").write_text(json.dumps({"name": "bench", "settings": settings}))


def parsed(folder: Path) -> None:
    """What any reader has to do at least: parse the files."""
    for path in folder.glob("arms/*/*.json"):
        json.loads(path.read_bytes())
    for path in folder.glob("m*/run.json"):
        json.loads(path.read_bytes())
        for line in (path.parent / "evals.jsonl").read_bytes().splitlines():
            json.loads(line)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, many = Path(name) / "experiment", Path(name) / "many"
        folder.mkdir()
        many.mkdir()
        experiment(folder)
        (many / "evals.jsonl").write_text("".join(rows(MANY)))
        lines = (many / "evals.jsonl").read_bytes
        medians = in_turn(
            {
                "json.loads of its files": lambda: parsed(folder),
                "summary of 1,000 runs": lambda: results.of(folder).result,
                "the same, written": lambda: results.write(folder, results.of(folder), {}),
                "json.loads of 200,000 scores": lambda: [json.loads(line) for line in lines().splitlines()],
                "scores of that run": lambda: evals_of(RunDir(many, is_main=False)),
            },
            3,
        )
    print(machine())
    for what, seconds in medians.items():
        base = "json.loads of 200,000 scores" if "200,000" in what or "that run" in what else "json.loads of its files"
        print(f"{what:30} {seconds:8.3f} s  {seconds / medians[base]:6.2f} ×")


if __name__ == "__main__":
    main()
