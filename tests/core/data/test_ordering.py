"""Rows by their lengths: the trainers that cannot tell them are refused, and with a column of lengths they train."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trl import DPOTrainer

from callsheet.errors import CallsheetError
from callsheet.testing.trainers import ROWS

BY_LENGTH, BALANCED = (
    f"trainer.args.train_sampling_strategy={name}" for name in ("group_by_length", "batch_rebalance")
)
UNPAIRED = "trainer.args.loss_type=apo_zero_unpaired"
KEPT = "trainer.args.remove_unused_columns=false"
Run = Callable[..., Any]


def with_lengths(trainer: str) -> list[dict[str, Any]]:
    return [{**row, "length": 3 + number} for number, row in enumerate(ROWS[trainer])]


@pytest.mark.parametrize(
    ("trainer", "overrides", "rows", "message"),
    [
        ("dpo", [BY_LENGTH], ROWS["dpo"], "has no column 'length'. trainer.args.train_sampling_strategy=group"),
        ("dpo", [BALANCED], ROWS["dpo"], "trl.DPOTrainer makes rows without input_ids"),
        ("dpo", [BY_LENGTH], with_lengths("dpo"), "and set trainer.args.remove_unused_columns=false, or leave"),
        ("dpo", [BY_LENGTH, "trainer.args.length_column_name=size"], with_lengths("dpo"), "has no column 'size'"),
        ("reward", [BY_LENGTH], ROWS["reward"], "trl.RewardTrainer makes rows without input_ids"),
        ("kto", [BY_LENGTH, UNPAIRED], ROWS["kto"], "trl.KTOTrainer makes rows without input_ids"),
        ("kto", [BY_LENGTH], ROWS["kto"], "tears apart the rows that trainer=kto compares. Leave it out"),
        ("grpo", [BY_LENGTH], ROWS["grpo"], "trainer=grpo draws its prompts by a sampler of its own"),
    ],
)
def test_a_trainer_that_cannot_order_its_rows_so_is_refused_before_anything_is_made(
    run_trainer: Run, tmp_path: Path, trainer: str, overrides: list[str], rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(CallsheetError) as caught:
        run_trainer(trainer, *overrides, rows=rows)

    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_an_evaluation_set_without_lengths_is_refused_where_evaluations_need_them(
    run_trainer: Run, tmp_path: Path
) -> None:
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text("".join(json.dumps(row) + "\n" for row in ROWS["dpo"]))
    evaluates = [KEPT, f"dataset.eval_path={held_out}", "trainer.args.eval_strategy=steps", "trainer.args.eval_steps=1"]

    with pytest.raises(CallsheetError, match="held_out.jsonl' has no column 'length'"):
        run_trainer("dpo", BY_LENGTH, *evaluates, rows=with_lengths("dpo"))

    assert run_trainer("dpo", BALANCED, *evaluates, rows=with_lengths("dpo")).state.step == 2


@pytest.mark.parametrize(
    ("trainer", "more"), [("dpo", ()), ("reward", ()), ("kto", (UNPAIRED,))], ids=["dpo", "reward", "kto"]
)
def test_a_column_of_lengths_that_is_kept_orders_the_rows(run_trainer: Run, trainer: str, more: tuple[str]) -> None:
    assert run_trainer(trainer, BY_LENGTH, KEPT, *more, rows=with_lengths(trainer)).state.step == 2


class Another(DPOTrainer):
    """A class of which nothing is known before it has rows."""


def test_a_class_of_somebody_else_is_refused_when_it_orders_its_rows(run_trainer: Run) -> None:
    with pytest.raises(CallsheetError, match="needs the length of each row, and Another makes rows without input_ids"):
        run_trainer("dpo", BY_LENGTH, f"trainer.trainer_class={__name__}.Another")
