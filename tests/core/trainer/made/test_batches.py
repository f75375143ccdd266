"""Rows fill batches over all processes, and what is left over is counted or refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from callsheet.errors import CallsheetError
from callsheet.trainer.made import batches


def trainer(processes: int = 1, *, drops: bool = True, splits: bool = False, **more: Any) -> Any:
    args = {"train_batch_size": 4, "eval_batch_size": 4, "world_size": processes, "dataloader_drop_last": drops}
    config = SimpleNamespace(split_batches=splits)
    return SimpleNamespace(args=SimpleNamespace(**args, accelerator_config=config, **more))


@pytest.mark.parametrize(("processes", "splits", "over"), [(1, False, 1), (2, False, 5), (2, True, 1)])
def test_what_each_epoch_leaves_out_is_counted_over_all_processes(processes: int, splits: bool, over: int) -> None:
    assert batches.left_over(trainer(processes, splits=splits), 13) == over
    assert batches.left_over(trainer(processes, drops=False), 13) == 0


def test_prompts_that_fill_no_generation_are_left_over_in_any_case() -> None:
    generates = trainer(drops=False, generation_batch_size=8, num_generations=2)

    assert batches.left_over(generates, 13) == 1
    with pytest.raises(CallsheetError, match=r"3 rows are fewer than the 4 prompts of one generation batch"):
        batches.require_batch(generates, [], 3)


@pytest.mark.parametrize(
    ("processes", "batch"), [(1, "one batch of 4, and"), (2, r"one batch of 8 \(4 on each of 2 processes\), and")]
)
def test_a_loader_without_a_batch_is_refused(processes: int, batch: str) -> None:
    with pytest.raises(CallsheetError, match=f"3 rows do not fill {batch}"):
        batches.require_batch(trainer(processes), [], 3)


def test_one_row_is_no_rows() -> None:
    with pytest.raises(CallsheetError, match="No step can be taken: 1 row does not fill one batch of 4"):
        batches.require_batch(trainer(), [], 1)
    with pytest.raises(CallsheetError, match="1 row is fewer than the 2 prompts"):
        batches.require_batch(trainer(generation_batch_size=2, num_generations=1), [], 1)
    assert next(batches.not_evaluated(trainer(), "a", 5)).startswith("a: 1 of 5 rows is never evaluated, because")


def test_a_loader_with_batches_or_without_a_length_is_not() -> None:
    batches.require_batch(trainer(), [1], 4)
    batches.require_batch(trainer(), iter([]), 4)


def test_rows_that_are_never_evaluated_are_counted() -> None:
    [said] = batches.not_evaluated(trainer(2), "Evaluation set 'a'", 11)

    assert said.startswith("Evaluation set 'a': 3 of 11 rows are never evaluated, because ")
    assert not [*batches.not_evaluated(trainer(2), "a", 16)] and not [
        *batches.not_evaluated(trainer(drops=False), "a", 1)
    ]
    with pytest.raises(CallsheetError, match="nothing can be evaluated. 7 rows do not fill one batch of 8"):
        [*batches.not_evaluated(trainer(2), "a", 7)]
