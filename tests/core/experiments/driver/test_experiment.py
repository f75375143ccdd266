"""An experiment as a user runs it: hooks and their order, ids, an arm and a benchmark that fail, and stages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callsheet.config.compose import bundled

pytestmark = pytest.mark.slow

PLUGIN = '''
"""Registers runs at a tracker, and examines the model at its end."""

import hashlib
import json
import os
from pathlib import Path

from callsheet import CallsheetError, EvalResult, Plugin, hookimpl, setting


class Registrar(Plugin):
    """Writes down every hook with its process."""

    diary: str = setting("diary.jsonl")
    breaks: str = setting("", help="The run that fails.")
    tires: str = setting("", help="The run whose examination fails.")

    def say(self, hook, ctx, **more):
        row = {"hook": hook, "run": ctx.run, "ids": dict(ctx.ids), "group": ctx.group_name, "pid": os.getpid(), **more}
        with Path(self.diary).open("a") as file:
            file.write(json.dumps({**row, "instance": id(self)}) + "\\n")

    @hookimpl
    def on_experiment_start(self, ctx):
        ctx.ids["project"] = "p1"
        self.say("on_experiment_start", ctx, folder=str(ctx.run_dir))

    @hookimpl
    def on_group_start(self, ctx, group_name):
        ctx.ids[f"group:{group_name}"] = f"g-{group_name}"
        self.say("on_group_start", ctx, name=group_name)

    @hookimpl
    def on_run_start(self, ctx):
        ctx.ids["run_id"] = f"r-{ctx.run}"
        self.say("on_run_start", ctx)
        if ctx.run == self.breaks:
            raise CallsheetError("This run was to fail.")

    @hookimpl
    def on_train_start(self, state):
        weights = {name: weight.detach().numpy().tobytes() for name, weight in state.model.named_parameters()}
        digest = hashlib.sha256(b"".join(weights[name] for name in sorted(weights))).hexdigest()
        used = len(state.optimizer.state) if state.optimizer else 0
        self.say("on_train_start", state.ctx, weights=digest, optimizer=used, step=state.step)

    @hookimpl
    def on_train_end(self, state, artifacts):
        weights = {name: weight.detach().numpy().tobytes() for name, weight in state.model.named_parameters()}
        digest = hashlib.sha256(b"".join(weights[name] for name in sorted(weights))).hexdigest()
        self.say("on_train_end", state.ctx, weights=digest, step=state.step)
        if state.ctx.run == self.tires:
            raise RuntimeError("The examiner is tired.")
        state.report_eval(EvalResult("quiz", {"right": 0.5 + state.trainer.args.seed / 10}))

    @hookimpl
    def on_run_end(self, ctx, run_result, arm):
        self.say("on_run_end", ctx, status=run_result.status, repeat=arm.repeat, config=dict(arm.config))

    @hookimpl
    def on_experiment_end(self, ctx, result):
        arms = {arm.name: [arm.status, arm.run_id, arm.group_id] for arm in result.arms}
        self.say("on_experiment_end", ctx, arms=arms, status=result.status, best=result.best_arm.name)
'''
FILE = """\
# @package _global_
defaults:
  - override /recipe: demo
  - override /plugins: [registrar]
experiment:
{section}
plugins:
  registrar: {{diary: {folder}/diary.jsonl, breaks: b__s1, tires: a__s1}}
trainer:
  args: {{max_steps: 2, eval_strategy: "no", save_strategy: "no", per_device_train_batch_size: 4}}
"""
REPEATED = "  arms: {a: [], b: [trainer.args.learning_rate=1e-3]}\n  repeats: 2\n  success_metric: quiz.right"
IN_STAGES = "  arms: {a: []}\n  stages: {first: [], second: [dataset.path=more.jsonl]}"


class Experiment:
    """A user's file and plugin in `folder`, the command, and what the plugin wrote down."""

    def __init__(self, folder: Path, section: str, callsheet: Callable[..., Any]) -> None:
        self.folder = folder
        (folder / "mine.yaml").write_text(FILE.format(section=section, folder=folder))
        (folder / "plugin" / "callsheet_registrar-1.0.dist-info").mkdir(parents=True)
        (folder / "plugin" / "callsheet_registrar.py").write_text(PLUGIN)
        info = folder / "plugin" / "callsheet_registrar-1.0.dist-info"
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callsheet-registrar\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[callsheet.plugins]\nregistrar = callsheet_registrar:Registrar\n")
        self._callsheet = callsheet

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        found = os.pathsep.join(filter(None, [str(self.folder / "plugin"), os.environ.get("PYTHONPATH")]))
        done: subprocess.CompletedProcess[str] = self._callsheet("experiment", *arguments, env={"PYTHONPATH": found})
        return done

    @property
    def diary(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "diary.jsonl").read_text().splitlines()]

    def said(self, hook: str) -> list[dict[str, Any]]:
        return [row for row in self.diary if row["hook"] == hook]

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "outputs" / "mine" / "experiment.json").read_text())
        return found


def test_an_experiment_of_two_arms_and_two_seeds_of_which_one_fails(callsheet: Callable[..., Any], tmp_path: Path):
    mine = Experiment(tmp_path, REPEATED, callsheet)
    done = mine.run("experiment=mine.yaml")
    assert done.returncode == 1, done.stderr
    assert "b__s1 failed" in (lines := " ".join(done.stderr.split())) and "This run was to fail." in lines

    order = [row["hook"] for row in mine.diary]
    assert order[:3] == ["on_experiment_start", "on_group_start", "on_group_start"]
    assert order[-1] == "on_experiment_end" and order.count("on_experiment_end") == 1
    assert order.count("on_run_start") == order.count("on_run_end") == 4
    driver = {row["pid"] for row in mine.diary if row["hook"] in ("on_experiment_start", "on_group_start")}
    runs = {row["pid"] for row in mine.said("on_run_start")}
    assert len(driver) == 1 and len(runs) == 4 and not driver & runs
    assert {row["instance"] for row in mine.diary if row["pid"] in driver} == {mine.diary[0]["instance"]}

    id = mine.record["experiment_id"]
    ids = {"experiment_id": id, "project": "p1", "group:a": "g-a", "group:b": "g-b"}
    for row in mine.said("on_run_start"):
        assert row["ids"] == {**ids, "run_id": f"r-{row['run']}"} and row["group"] == row["run"][0]
    for row in mine.said("on_run_end"):
        assert row["repeat"] == int(row["run"][-1])
    [end] = mine.said("on_experiment_end")
    assert (end["status"] == "failed" and end["best"] == "b__s0") or end["best"] == "a__s0"
    assert end["arms"] == {
        "a__s0": ["completed", "r-a__s0", "g-a"],
        "b__s0": ["completed", "r-b__s0", "g-b"],
        "a__s1": ["completed", "r-a__s1", "g-a"],
        "b__s1": ["failed", "r-b__s1", "g-b"],
    }
    scores = {arm["name"]: arm["score"] for arm in mine.record["arms"]}
    assert scores == {"a__s0": 0.5, "b__s0": 0.5, "a__s1": None, "b__s1": None}

    again = mine.run("experiment=mine.yaml")
    assert again.returncode == 1 and len(mine.diary) == len(order), "nothing is left to do"


def test_an_arm_that_is_called_by_a_secret_is_refused_before_it_names_a_file(
    callsheet: Callable[..., Any], tmp_path: Path
):
    token = "hf_" + "aB3" * 11
    mine = Experiment(tmp_path, f"  arms: {{a: [], {token}: [trainer.args.learning_rate=1e-3]}}", callsheet)
    refused = mine.run("experiment=mine.yaml")
    assert refused.returncode == 2 and "arm '***'" in refused.stderr and "Hugging Face" in refused.stderr
    assert token not in refused.stderr and not (tmp_path / "outputs").exists()


def test_a_stage_begins_at_the_weights_of_the_one_before_with_a_new_optimizer(
    callsheet: Callable[..., Any], tmp_path: Path
):
    mine = Experiment(tmp_path, IN_STAGES, callsheet)
    shutil.copyfile(bundled("demo/test.jsonl"), tmp_path / "more.jsonl")
    done = mine.run("experiment=mine.yaml")
    assert done.returncode == 0, done.stderr
    first, second = mine.said("on_train_start")
    assert (first["run"], second["run"]) == ("a__first", "a__second")
    assert second["weights"] == mine.said("on_train_end")[0]["weights"] != first["weights"]
    assert second["optimizer"] == 0 and second["step"] == 0
    assert [row["hook"] for row in mine.diary].count("on_group_start") == 1
    config = json.loads((tmp_path / "outputs" / "mine" / "a__second" / "run.json").read_text())["config"]
    assert config["model"]["path"] == str(tmp_path / "outputs" / "mine" / "a__first")
