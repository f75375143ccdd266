"""Run directories and experiments for tests of the report, made in milliseconds: no model, no torch."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BEGAN = 1_795_000_000.0  # seconds since 1970
COMMIT = "{:040x}"
HOOK = {"calls": 5, "seconds": 0.25, "slowest": 0.1, "failures": 0}


def at(seconds: float) -> str:
    """A time as files of a run have it, so many seconds after the run began."""
    return datetime.fromtimestamp(BEGAN + seconds, UTC).isoformat(timespec="milliseconds")


def make_run(
    folder: Path,
    *,
    steps: int = 100,
    seed: int = 0,
    arm: str | None = None,
    experiment: str = "exp",
    status: str = "completed",
    log_every: int = 1,
    eval_every: int = 25,
    level: float = 0.0,
    scores: bool = True,
    prompts: int = 20,
    completions: bool = True,
    checkpoint_every: int = 50,
    more_metrics: Iterable[str] = (),
    record: Mapping[str, Any] | None = None,
) -> Path:
    """A plausible run below `folder`, which is made; of the same arguments, the same run.

    `arm` is the method of an experiment that it belongs to, `level` how good it is (0 to 1), `more_metrics` what else
    it logs while it trains, `record` further fields of `run.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(f"{seed}-{arm}-{steps}")
    write_json(folder / "run.json", {**run_record(folder, steps, seed, arm, experiment, status), **(record or {})})
    (folder / "config.yaml").write_text(f"trainer:\n  args:\n    seed: {seed}\n    learning_rate: 0.001\n")
    write_rows(folder / "metrics.jsonl", metric_rows(steps, log_every, eval_every, level, draw, [*more_metrics]))
    write_rows(folder / "events.jsonl", event_rows(steps, status))
    if checkpoint_every:
        write_checkpoints(folder, range(checkpoint_every, steps + 1, checkpoint_every))
    if scores and checkpoint_every:
        write_scores(folder, [0, *range(checkpoint_every, steps + 1, checkpoint_every)], prompts, level, draw)
    if completions and eval_every:
        write_completions(folder, range(eval_every, steps + 1, eval_every))
    return folder


def make_experiment(
    folder: Path,
    *,
    arms: Iterable[str] = ("plain", "bema"),
    seeds: int = 3,
    metric: str = "test.exact_match",
    **run: Any,
) -> Path:
    """An experiment that is over, with a run for each arm and seed below `folder`; `run` goes to `make_run`."""
    names, entries = [*arms], []
    for place, method in enumerate(names):
        for seed in range(seeds):
            name = f"{method}-seed-{seed}"
            make_run(folder / name, seed=seed, arm=method, experiment=folder.name, level=0.2 * place, **run)
            entries.append(entry(name, method, seed))
    write_json(folder / "experiment.json", experiment_record(folder.name, metric, names, entries))
    for state in ("pending", "active", "done", "failed"):
        (folder / "arms" / state).mkdir(parents=True, exist_ok=True)
    for one in entries:
        write_json(folder / "arms" / "done" / f"{one['name']}.json", one)
    return folder


def run_record(folder: Path, steps: int, seed: int, arm: str | None, experiment: str, status: str) -> dict[str, Any]:
    """What `run.json` holds."""
    member = {"experiment_id": f"{experiment}-1", "name": folder.name, "method": arm, "group": arm, "seed": seed}
    config = {"trainer": {"args": {"seed": seed, "learning_rate": 0.001}}, "model": {"path": "demo"}}
    attempt = {"started": at(0), "pid": 1, "host": "made", "status": status, "ended": at(steps), "step": steps}
    outcome = {"status": status, "step": steps, "metrics": {"eval_loss": 0.1}, "seconds": float(steps), "error": None}
    return {
        "format": 1,
        "run": folder.name,
        "experiment": experiment,
        "status": status,
        "started": at(0),
        "attempts": [attempt],
        "config": config,
        "ids": {},
        "command": ["callsheet train", "recipe=demo"],
        "overrides": ["recipe=demo", f"trainer.args.seed={seed}"],
        **({"arm": {**member, "stage": None, "differs": {"plugins": arm}}} if arm else {}),
        "cwd": "/home/me",
        "versions": {"python": "3.11.7", "callsheet": "0.1.0", "torch": "2.13.0"},
        "host": "made",
        "platform": "Linux",
        "git": {"commit": COMMIT.format(7), "branch": "main", "changed": 1},
        "plugins": [plugin("bema", 0), plugin("progress", 1)],
        "max_steps": steps,
        "ended": at(steps),
        "outcome": outcome,
        "best": None,
        "cost": {"bema": {"on_step_end": HOOK, "on_checkpoint": HOOK}, "progress": {"on_log": HOOK}},
    }


def plugin(name: str, order: int) -> dict[str, Any]:
    about = {"distribution": "callsheet", "version": "0.1.0", "entry_point": f"callsheet_plugins.{name}", "class": name}
    return {"order": order, "name": name, **about, "ranks": "main", "on_error": "warn", "settings": {"freq": 10}}


def metric_rows(
    steps: int, log_every: int, eval_every: int, level: float, draw: random.Random, more: Sequence[str] = ()
) -> Iterable[dict[str, Any]]:
    """Rows as a Trainer logs them: training and evaluation in turn, and a last one that sums up."""
    for step in range(1, steps + 1):
        loss = (2 - level) * math.exp(-step / (steps / 3 or 1)) + draw.gauss(0, 0.02)
        if log_every and step % log_every == 0:
            told = {"loss": loss, "grad_norm": 1.0, "learning_rate": 1e-3, **{name: draw.random() for name in more}}
            yield {"step": step, "split": "train", "epoch": step / 100, **told, "time": at(step)}
        if eval_every and step % eval_every == 0:
            told = {"eval_loss": loss + 0.1, "eval_runtime": 0.5, "eval_samples_per_second": 400.0}
            yield {"step": step, "split": "eval", "epoch": step / 100, **told, "time": at(step + 0.5)}
    yield {"step": steps, "split": "train", "epoch": steps / 100, "train_runtime": float(steps), "time": at(steps)}


def event_rows(steps: int, status: str) -> list[dict[str, Any]]:
    return [
        {"time": at(0), "event": "started", "attempt": 1},
        {"time": at(1), "event": "data", "max_steps": steps, "train": {"name": "demo", "given": 100, "left": 100}},
        {
            "time": at(steps / 2),
            "event": "requested",
            "request": "eval",
            "plugin": "bema",
            "reason": "a look",
            "rank": 0,
        },
        {"time": at(steps), "event": "ended", "status": status, "step": steps, "error": None},
    ]


def write_checkpoints(folder: Path, steps: Iterable[int]) -> None:
    """Each listed twice (without hashes and with them), published once, as raw weights."""
    rows = []
    for step in steps:
        name, commit = f"checkpoint-{step}", COMMIT.format(step)
        (folder / name).mkdir(exist_ok=True)
        write_json(folder / name / "trainer_state.json", {"global_step": step})
        for sha in (None, "ab" * 32):
            files = {"model.safetensors": {"size": 1000, "sha256": sha}}
            rows.append({"name": name, "step": step, "epoch": step / 100, "path": name, "files": files})
        about = {"repo": "me/demo", "branch": f"main-step-{step:09}", "commit": commit, "step": step}
        rows.append(
            {"name": name, "revision": {**about, "checkpoint": name, "weights": "raw", "url": "", "path": None}}
        )
    write_rows(folder / "checkpoints.jsonl", rows)


def write_scores(folder: Path, steps: Iterable[int], prompts: int, level: float, draw: random.Random) -> None:
    """A score of each step with the answers behind it; later steps and higher levels are better."""
    (folder / "predictions").mkdir(exist_ok=True)
    rows, all_steps = [], [*steps]
    for step in all_steps:
        share = 0.2 + 0.4 * step / max(all_steps[-1], 1) + level
        answers = [answer(number, draw.random() < share) for number in range(prompts)]
        file = f"predictions/test-raw-{step}.jsonl"
        write_rows(folder / file, answers)
        value = sum(one["right"] for one in answers) / max(prompts, 1)
        commit = COMMIT.format(step) if step else None
        rows.append(eval_row("test", {"exact_match": value}, step, commit, file, at(step + 5)))
    write_rows(folder / "evals.jsonl", rows)


def eval_row(
    name: str, metrics: Mapping[str, Any], step: int | None, commit: str | None, file: str | None, time: str
) -> dict[str, Any]:
    about = {"benchmark_id": name, "breakdowns": {}, "tags": {"weights": "raw"}, "step": step, "commit": commit}
    key = f"{name}:raw:{commit or ''}:{step}"
    of = {**about, "eval_seconds": 2.0, "weights": "raw", "predictions": file}
    return {"time": time, "key": key, "name": name, "metrics": dict(metrics), **of}


def answer(number: int, right: bool) -> dict[str, Any]:
    word = f"word{number}"
    return {"prompt": f"{word} -> ", "completion": word[::-1], "answer": word[::-1] if right else word, "right": right}


def write_completions(folder: Path, steps: Iterable[int]) -> None:
    (folder / "completions").mkdir(exist_ok=True)
    for step in steps:
        about = {"step": step, "source": "eval", "rewards": {}, "scores": {"exact_match": 1.0}, "advantage": None}
        rows = [{**about, "index": at, "prompt": f"word{at} -> ", "completion": f"said {step}"} for at in range(5)]
        write_rows(folder / "completions" / f"{step}.jsonl", rows)


def entry(name: str, method: str, seed: int | None) -> dict[str, Any]:
    """A file of the queue, of an arm that is done."""
    about = {"group": method, "seed": seed, "stage": None, "after": None, "weights": None, "trial": None}
    made = {"overrides": [f"trainer.args.seed={seed}"], "differs": {"plugins": method}, "digest": None}
    return {
        "name": name,
        "method": method,
        **about,
        **made,
        "status": "completed",
        "error": None,
        "remark": None,
        "attempts": [],
    }


def experiment_record(name: str, metric: str, methods: list[str], entries: list[dict[str, Any]]) -> dict[str, Any]:
    settings = {"name": name, "hypothesis": "bema is better", "success_metric": metric, "direction": "maximize"}
    return {
        "format": 1,
        "name": name,
        "experiment_id": f"{name}-1",
        "hypothesis": "bema is better",
        "callsheet": "0.1.0",
        "created": at(0),
        "ended": at(1000),
        "status": "completed",
        "command": {"flags": [], "overrides": [], "cwd": "/home/me", "typed": [], "is_sweep": False},
        "settings": {**settings, "baseline": methods[0]},
        "ids": {},
        "announced": [],
        "arms": [{**one, "state": "done"} for one in entries],
        "verdict": {},
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
