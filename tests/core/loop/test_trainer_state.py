"""Odd values reach no file of a run, whoever hands them in, and cost neither the run nor a checkpoint."""

from __future__ import annotations

import json
import math
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import ExportableState

import callsheet
from callsheet import EvalResult, Plugin, hookimpl
from callsheet.errors import PluginFailure
from core.test_values import strict


def rows(path: Path) -> list[dict[str, Any]]:
    return [strict(line) for line in path.read_text().splitlines()]


GOOD = {
    "norm": torch.tensor(1.5),
    "half": torch.tensor(0.5, dtype=torch.bfloat16, requires_grad=True) * 1,
    "np": np.float32(0.25),
    "count": np.int64(3),
    "flag": True,
    "by": {"task": np.array(2.0)},
}
MISSING = {"none": None, "nan": math.nan, "inf": -math.inf, "huge": 10**400}
ODD = {"vector": torch.zeros(3), "list": [1, 2], "note": "a note", "object": object()}


class Kind(Enum):
    PLAIN = 1


class Norms(Plugin):
    """Logs all kinds of values, scores itself with them, and keeps some."""

    level: float = 1.0
    limit: float = 1.0
    where: Path = Path()
    kind: Kind = Kind.PLAIN

    @hookimpl
    def on_step_end(self, state: Any, step_idx: int) -> None:
        state.log({**GOOD, **MISSING, **ODD})
        state.log({"after": step_idx})

    @hookimpl
    def on_checkpoint(self, state: Any, row: Any) -> None:
        row.extras.update(norm=torch.tensor(1.5), far=math.inf)
        answers = [{"logit": np.float32(0.5), "worst": -math.inf, "tokens": torch.tensor([1, 2])}]
        result = EvalResult(
            "a/task", {"accuracy": np.float32(0.5), "count": np.int64(3), "bad": [1], "nan": math.nan, "by": {"x": 1}},
            breakdowns={"part": {"accuracy": torch.tensor(0.25), "note": "x"}}, tags={"weights": 3, "none": None},
            step=np.int64(state.step), eval_seconds=torch.tensor(2.0),
        )  # fmt: skip
        state.report_eval(result, answers)

    @hookimpl
    def on_benchmark_eval(self, ctx: Any, eval_result: Any, predictions: Any, *, step: int | None = None) -> None:
        json.dumps([eval_result.metrics, predictions])
        self.heard = (step, eval_result)

    def state_dict(self) -> dict[str, Any]:
        return {"best": -math.inf, "seen": np.int64(3), "tensor": torch.zeros(2)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.loaded = state_dict


class Counts(Plugin):
    """Another plugin, which has nothing to do with it."""

    def state_dict(self) -> dict[str, Any]:
        return {"count": 1}


class Native(TrainerCallback, ExportableState):  # type: ignore[misc]
    """A callback of anybody's that leaves tensors in everything that the Trainer writes down."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        logs["grad"] = torch.tensor(3.5)
        state.log_history.append(
            {"step": state.global_step, "mine": torch.tensor(4.5), "why": object(), "bad": math.nan}
        )

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": {"best": torch.tensor(0.5)}}


def evaluate_oddly(trainer: Any) -> None:
    """As a `compute_metrics` that returns a dictionary among its scores."""
    evaluate = trainer.evaluation_loop

    def loop(*args: Any, **kwargs: Any) -> Any:
        output = evaluate(*args, **kwargs)
        odd = {"eval_by_task": {"easy": np.float32(0.5)}, "eval_words": ["a"], "eval_f1": torch.tensor(0.75)}
        output.metrics.update(odd)
        return output

    trainer.evaluation_loop = loop


@pytest.fixture
def finished(tiny_trainer: Any, tmp_path: Path, caplog: Any) -> Any:
    norms = Norms(level=np.float32(0.5), limit=math.inf, where=tmp_path)
    trainer = tiny_trainer(callbacks=[Native()], eval_strategy="steps", eval_steps=2)
    callsheet.attach(trainer, norms, Counts())
    evaluate_oddly(trainer)
    trainer.train()
    trainer.save_state()
    trainer.save_metrics("train", {"train_loss": math.nan, "train_norm": torch.tensor(1.5)})
    trainer.create_model_card(model_name="odd", tasks="text-generation", dataset_tags="words")
    return norms, tmp_path / "run", caplog.text


def test_every_file_is_strict_and_holds_the_numbers(finished: Any, tiny_trainer: Any) -> None:
    _, run, _ = finished
    assert json.loads((run / "run.json").read_text())["status"] == "completed"
    for path in (*run.rglob("*.json"), *run.rglob("*.jsonl")):
        (rows if path.suffix == ".jsonl" else lambda path: strict(path.read_text()))(path)
    state = strict((run / "checkpoint-6" / "trainer_state.json").read_text())
    (logged,) = (row for row in state["log_history"] if row["step"] == 4 and "norm" in row)
    assert (logged["norm"], logged["half"], logged["np"], logged["count"], logged["by/task"]) == (
        1.5,
        0.5,
        0.25,
        3,
        2.0,
    )
    assert (logged["none"], logged["nan"], logged["inf"], logged["huge"]) == (None,) * 4 and "vector" not in logged
    assert any(row.get("mine") == 4.5 for row in state["log_history"]), "what a native callback left is in it"
    assert state["stateful_callbacks"]["Native"]["attributes"] == {"best": 0.5}
    steps = [row for row in rows(run / "metrics.jsonl") if row["step"] == 2]
    assert [row["after"] for row in steps if "after" in row] == [2] and any(row.get("norm") == 1.5 for row in steps)
    (evaluated,) = (row for row in steps if row["split"] == "eval")
    assert (evaluated["eval_by_task/easy"], evaluated["eval_f1"]) == (0.5, 0.75) and "eval_words" not in evaluated
    card = yaml.safe_load((run / "README.md").read_text().split("---")[1])
    assert {"name": "F1", "type": "f1", "value": 0.75} in card["model-index"][0]["results"][0]["metrics"]
    assert strict((run / "train_results.json").read_text()) == {"train_loss": None, "train_norm": 1.5}

    again = tiny_trainer(max_steps=8, callbacks=[Native()])
    callsheet.attach(again, restored := Norms())
    again.train(resume_from_checkpoint=True)
    assert restored.loaded == {"best": -math.inf, "seen": 3}


def test_scores_and_states_keep_what_is_a_number(finished: Any) -> None:
    norms, run, _ = finished
    row = rows(run / "evals.jsonl")[0]
    assert row["metrics"] == {"accuracy": 0.5, "count": 3, "nan": None, "by/x": 1} and row["step"] == 2
    assert row["breakdowns"] == {"part": {"accuracy": 0.25}} and row["tags"] == {"weights": "3"}
    assert rows(run / row["predictions"]) == [{"logit": 0.5, "worst": None, "tokens": [1, 2]}]
    assert norms.heard[0] == 6 and norms.heard[1].eval_seconds == 2.0
    states = strict((run / "checkpoint-6" / "callsheet" / "plugins.json").read_text())
    assert states["counts"]["state"] == {"count": 1} and states["norms"]["state"]["seen"] == 3
    listed = rows(run / "checkpoints.jsonl")[0]
    assert listed["extras"] == {"norm": 1.5, "far": None} and listed["name"] == "checkpoint-2"


def test_what_is_left_out_is_said_once_under_the_name_of_who_handed_it_in(finished: Any) -> None:
    _, run, said = finished
    (logged,) = [line for line in said.splitlines() if "handed state.log" in line]
    assert logged.startswith("WARNING") and "Plugin 'norms' (core.loop.test_trainer_state)" in logged
    assert "vector is a torch.Tensor of shape (3,), list is a list of 2, note is text, object is an object" in logged
    assert "Plugin 'norms' (core.loop.test_trainer_state) handed the score 'a/task' what it cannot take: bad is" in said
    assert "handed its checkpoint (state_dict) what it cannot take: tensor is a torch.Tensor of shape (2,)." in said
    assert "The trainer's log was handed what it cannot take: eval_words is a list of 1." in said
    refused = [row for row in rows(run / "events.jsonl") if row["event"] == "refused"]
    assert {row.get("plugin") for row in refused} == {"norms", None} and len(refused) == 4


def test_settings_of_any_type_are_written_and_come_back(finished: Any) -> None:
    _, run, _ = finished
    (norms, _) = strict((run / "run.json").read_text())["plugins"]
    expected = {"level": 0.5, "where": str(run.parent), "kind": "PLAIN", "on_error": None}
    assert norms["settings"] == {**expected, "limit": None}
    assert yaml.safe_load((run / "config.yaml").read_text())["plugins"]["norms"] == {**expected, "limit": math.inf}


def test_with_on_error_raise_an_odd_value_ends_the_run_after_the_others_are_logged(
    tiny_trainer: Any, tmp_path: Path
) -> None:
    trainer = tiny_trainer()
    callsheet.attach(trainer, Norms(on_error="raise"))
    with pytest.raises(PluginFailure, match=r"Plugin 'norms' .* handed state.log what it cannot take: vector is"):
        trainer.train()
    assert any(row.get("norm") == 1.5 for row in rows(tmp_path / "run" / "metrics.jsonl"))


def test_a_callback_that_plugins_add_is_named(tiny_trainer: Any, caplog: Any) -> None:
    class Writes(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            logs |= {"fine": torch.tensor(1.0), "note": "text"}

    class Adds(Plugin):
        @hookimpl
        def add_callbacks(self, state: Any, add: Any) -> None:
            add(Writes())

    trainer = tiny_trainer(max_steps=2)
    callsheet.attach(trainer, Adds(on_error="raise"))
    trainer.train()
    assert "Plugin 'adds' (core.loop.test_trainer_state) handed logs what it cannot take: note is text." in caplog.text


def test_without_a_host_a_state_is_saved_as_it_is_everywhere(tiny_trainer: Any, tmp_path: Path) -> None:
    from callsheet.loop.trainer_state import strict as saved_strictly

    trainer = tiny_trainer(max_steps=2, folder="plain")
    trainer.train()
    with saved_strictly(trainer.state):
        Trainer.save_state(trainer)
    ours = (tmp_path / "plain" / "trainer_state.json").read_text()
    Trainer.save_state(trainer)
    assert ours == (tmp_path / "plain" / "trainer_state.json").read_text(), "where nothing is odd, nothing is changed"
