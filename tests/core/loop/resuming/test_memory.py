"""What a trainer keeps in memory alone: what is said if a checkpoint does not have it, and what is not lost over it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from callsheet import Plugin, hookimpl
from callsheet.loop.resuming.memory import FOLDER
from callsheet.loop.resuming.plain import CannotSave, plain
from callsheet.loop.resuming.randomness import random_state, set_random_state

QUIET = "plugins=[]"
CYCLE = ("trainer.args.num_iterations=2", "trainer.args.save_steps=1", "trainer.args.max_steps=4")


def test_a_checkpoint_without_it_is_resumed_with_a_warning(run_trainer: Any, tmp_path: Path, caplog: Any) -> None:
    rows = (QUIET, *CYCLE, f"dataset.path={tmp_path}/whole.jsonl")
    whole = run_trainer("grpo", *rows, output_dir="whole").run_dir.path
    of_a_plain_trainer = tmp_path / "elsewhere" / "checkpoint-1"
    shutil.copytree(whole / "checkpoint-1", of_a_plain_trainer)
    shutil.rmtree(of_a_plain_trainer / "callsheet")
    resumed = run_trainer("grpo", *rows, f"resume={of_a_plain_trainer}", output_dir="resumed")
    assert resumed.result.step == 4
    assert "checkpoint-1 does not hold what GRPOTrainer had in memory, because an earlier Callsheet" in caplog.text
    (event,) = (row for row in resumed.run_dir.rows("events.jsonl") if row["event"] == "not_restored")
    assert event["checkpoint"] == "checkpoint-1"


def test_it_holds_nothing_that_the_next_step_makes_anew(run_trainer: Any) -> None:
    run = run_trainer("grpo", QUIET, *CYCLE).run_dir.path
    inside, between = (torch.load(run / f"checkpoint-{step}" / FOLDER / "state-00000.pt") for step in (1, 2))
    assert "completions to train on" in inside["parts"] and "completions to train on" not in between["parts"]
    assert "logged completions" in inside["parts"] and not inside["parts"]["logged completions"]


class Odd:
    """Something that only pickled code brings back."""


def test_an_odd_value_does_not_lose_a_checkpoint(run_trainer: Any, caplog: Any) -> None:
    class Leaves(Plugin):
        @hookimpl
        def on_step_end(self, state: Any) -> None:
            state.trainer._metrics["eval"]["odd"].append(Odd())

    run = run_trainer("sft", QUIET, "trainer.args.save_steps=1", plugins=[Leaves()])
    assert (run.run_dir.path / "checkpoint-2" / FOLDER / "state-00000.pt").is_file()
    said = "Checkpoints cannot hold the trainer's averages, because it has values of the type Odd."
    assert caplog.text.count(said) == 1


def test_patience_survives_a_resume(run_demo: Any) -> None:
    early = ("callbacks.early.path=transformers.EarlyStoppingCallback", "callbacks.early.early_stopping_patience=9")
    best = ("trainer.args.metric_for_best_model=eval_loss", "trainer.args.load_best_model_at_end=true")
    # A threshold that nothing reaches: each evaluation costs patience.
    settings = (QUIET, *early, *best, "callbacks.early.early_stopping_threshold=100")
    whole = run_demo(*settings, "trainer.args.max_steps=6", output_dir="whole").run_dir.path
    resumed = run_demo(
        *settings, "trainer.args.max_steps=6", f"resume={whole}/checkpoint-4", output_dir="resumed"
    ).run_dir.path
    assert patience(whole) == patience(resumed) == 2


def patience(run: Path) -> int:
    state = json.loads((run / "checkpoint-6" / "trainer_state.json").read_text())
    callback = state["stateful_callbacks"]["EarlyStoppingCallback"]
    callback = callback[-1] if isinstance(callback, list) else callback
    return int(callback["attributes"]["early_stopping_patience_counter"])


def test_plain_values_are_tensors_numbers_and_text() -> None:
    import numpy as np

    assert plain({"a": (1, np.float32(0.5)), "b": None}) == {"a": [1, 0.5], "b": None}
    part = torch.arange(1000)[:2]
    assert plain([part])[0].untyped_storage().nbytes() == 2 * part.element_size()
    with pytest.raises(CannotSave, match="Odd"):
        plain({"images": [Odd()]})


def test_random_numbers_are_restored_from_what_a_checkpoint_holds(tmp_path: Path) -> None:
    import random

    import numpy as np

    np.random.normal()  # leaves the second half of a pair for the next call
    torch.save(random_state(), tmp_path / "state.pt")
    drawn = [(random.random(), np.random.normal(), float(torch.rand(()))) for _ in range(2)]
    set_random_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert drawn == [(random.random(), np.random.normal(), float(torch.rand(()))) for _ in range(2)]
