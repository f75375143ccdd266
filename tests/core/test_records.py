"""Records carry what the protocol names, and the loop's dictionaries are dictionaries."""

import copy
import dataclasses
import json
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

import callsheet
from callsheet import (
    ArmResult,
    EvalResult,
    ExperimentResult,
    LogContext,
    LoopArtifacts,
    LoopState,
    ManifestRow,
    Plugin,
    RunResult,
    hookimpl,
)
from callsheet.loop.step_metrics import StepMetrics

PROTOCOL = [
    (LogContext(Path("run"), "exp", "name"), "output_dir config run_key run_config group_name ids extras"),
    (LoopState(LogContext(Path("run")), print, print), "num_steps output_dir ctx stop_requested request_stop"),
    (ManifestRow("checkpoint-2", 2, 0.5, Path("run/checkpoint-2")), "name batch epoch state_path sampler_path"),
    (LoopArtifacts(), "run_dir manifest_path checkpoints total_requested_steps train_seconds as_dict"),
    (RunResult("completed"), "run_id status metrics artifacts error extras"),
    (
        ArmResult("name"),
        "name run_config status metrics eval_metrics eval_breakdowns evals run_id error train_seconds eval_seconds "
        "run_result group_id group_name score eval",
    ),
    (ExperimentResult([]), "name status arms best_arm best_score conclusion experiment_id hypothesis"),
]


@pytest.mark.parametrize(("record", "names"), PROTOCOL, ids=lambda given: type(given).__name__)
def test_records_carry_what_the_protocol_names(record, names):
    assert [name for name in names.split() if not hasattr(record, name)] == []


def test_a_plain_run_has_the_values(tiny_run):
    heard = tiny_run.heard
    state, row, artifacts, result, arm, experiment = (
        heard[name] for name in ("state", "row", "artifacts", "result", "arm", "experiment")
    )
    run = state.output_dir
    assert state.ctx.output_dir == run and state.ctx.run_key == state.ctx.run == run.name
    assert state.ctx.config is state.ctx.run_config and state.num_steps == 2 and not state.stop_requested
    assert (row.name, row.batch, row.state_path, row.sampler_path) == ("checkpoint-2", 2, str(row.path), str(row.path))

    assert artifacts["mine"] == run / "mine" and artifacts.manifest_path == run / "checkpoints.jsonl"
    assert [each.name for each in artifacts.checkpoints] == ["checkpoint-2"] and artifacts.total_requested_steps == 2
    told = json.loads(json.dumps(artifacts.as_dict()))
    assert told["artifacts"] == {"mine": str(run / "mine")} and told["checkpoints"][0]["name"] == "checkpoint-2"
    assert told["train_seconds"] == artifacts.train_seconds > 0

    assert (result.status, result.run_id, result.artifacts, result.error) == ("completed", "tracker-7", artifacts, None)
    assert (arm.name, arm.status, experiment.status, [each.name for each in experiment.arms]) == (
        run.name,
        "completed",
        "completed",
        [run.name],
    )
    for again, its_result in experiment.arms:  # as in 0.1
        assert again is arm and its_result is result and arm[1] is result
    dataclasses.asdict(experiment)
    written = json.loads((run / "run.json").read_text())
    assert written["artifacts"] == {"mine": "mine"} and written["outcome"]["run_id"] == "tracker-7"


class Seed(Plugin):
    """A callback as the protocol's authors wrote it, with the marks added."""

    def __post_init__(self):
        super().__post_init__()
        self.heard = {"json": []}

    @hookimpl
    def on_run_start(self, ctx):
        ctx.ids["run_id"] = "tracker-7"
        ctx.extras["mine"] = object()

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        self.heard["json"].append(json.dumps(metrics))

    @hookimpl
    def on_checkpoint(self, state, row):
        self.heard |= {"state": state, "row": row}
        state.report_eval(EvalResult("words", {"a": 1}), [{"x": 1}])

    @hookimpl
    def on_benchmark_eval(self, ctx, eval_result, predictions, *, step=None):
        self.heard["json"].append(json.dumps([eval_result.metrics, predictions, step]))

    @hookimpl
    def on_train_end(self, state, artifacts):
        artifacts["mine"] = artifacts.run_dir / "mine"
        self.heard["artifacts"] = artifacts

    @hookimpl
    def on_run_end(self, ctx, run_result, arm):
        self.heard |= {"result": run_result, "arm": arm}

    @hookimpl
    def on_experiment_end(self, ctx, result):
        self.heard["experiment"] = result


@pytest.fixture
def tiny_run(run_demo):
    seed = Seed(on_error="raise")
    run_demo("plugins=[]", "trainer.args.max_steps=2", plugins=[seed])
    return seed


class Device:
    """A number on a device: it counts how often somebody waits for it."""

    def __init__(self, value):
        self.value, self.waits = value, 0

    def __radd__(self, other):
        return self

    def __float__(self):
        self.waits += 1
        return self.value


def fresh():
    loss, norm = Device(1.0), Device(2.0)
    recorded = SimpleNamespace(losses=[loss], grad_norm=norm, learning_rate=0.1)
    return StepMetrics(recorded, 0.5), loss, norm


FULL = {"loss": 1.0, "grad_norm": 2.0, "learning_rate": 0.1, "epoch": 0.5}


@pytest.mark.parametrize(
    "look",
    [
        *(json.dumps, lambda found: json.dumps(found, indent=1), dict, repr, copy.copy, copy.deepcopy, sorted, list, len),
        *(lambda found: {**found}, lambda found: found | {"a": 1}, lambda found: {"a": 1} | found, lambda found: found == FULL),
        *(lambda found: [*found.items()], lambda found: [*found.values()], lambda found: found.copy()),
        *(lambda found: pickle.loads(pickle.dumps(found)), lambda found: found.pop("loss"), lambda found: found.get("loss")),
        *(lambda found: found.get("no", 3), lambda found: "loss" in found, lambda found: {}.update(found), lambda found: found.popitem()),
        *(lambda found: found.setdefault("loss", 3), lambda found: "{loss}".format(**found), lambda found: found["grad_norm"]),
    ],
)  # fmt: skip
def test_the_metrics_of_a_step_are_what_a_dictionary_is(look):
    assert look(fresh()[0]) == look({**FULL})


def test_only_who_looks_at_a_metric_waits_for_it_and_only_once():
    metrics, loss, norm = fresh()
    assert len(metrics) == 4 and "loss" in metrics and metrics["learning_rate"] == 0.1 and [*metrics] == [*FULL]
    assert (loss.waits, norm.waits) == (0, 0)
    assert metrics["loss"] == metrics.get("loss") == 1.0 and json.loads(json.dumps(metrics)) == FULL
    assert (loss.waits, norm.waits) == (1, 1)


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [((), ""), (("completed", "failed", "stopped"), "failed"), (("stopped", "completed"), "stopped")],
)
def test_an_experiment_is_as_good_as_its_worst_arm(statuses, worst):
    assert (
        ExperimentResult([ArmResult(str(n), result=RunResult(status)) for n, status in enumerate(statuses)]).status
        == worst
    )


def test_a_state_that_a_test_makes_by_hand_refuses_odd_values():
    state = LoopState(LogContext(Path()), print, print, trainer=object())
    with pytest.raises(TypeError, match="state.log cannot take note, which is text"):
        state.log({"note": "x"})
    assert callsheet.LoopArtifacts is LoopArtifacts
