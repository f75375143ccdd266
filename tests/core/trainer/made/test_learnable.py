"""Rows without a token to learn from are counted, as their labels say."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.trainer.made.learnable import mute_rows

LABELS = [[-100, -100], [5, -100], [-100, 5], [], [-100], [5], [-100, 5, -100, 6]]


def dataset(**columns: list[Any]) -> Any:
    from datasets import Dataset  # type: ignore[import-untyped]  # datasets ships no types

    return Dataset.from_dict(columns)


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("times", [1, 700])  # more than one batch of rows
def test_rows_whose_labels_are_all_ignored_are_counted(shifted: bool, times: int) -> None:
    expected = sum(all(label == -100 for label in row[shifted:]) for row in LABELS)

    assert mute_rows(dataset(labels=LABELS * times), shifted=shifted) == expected * times


def test_rows_that_were_filtered_and_shuffled_are_counted_as_they_are() -> None:
    rows = dataset(labels=LABELS).filter(lambda row: len(row["labels"]) == 2).shuffle(seed=1)

    assert mute_rows(rows, shifted=False) == 1


def test_labels_of_classes_and_rows_without_labels_are_none() -> None:
    assert mute_rows(dataset(labels=[0, 1]), shifted=False) == 0
    assert mute_rows(dataset(prompt=["a"]), shifted=True) == 0


def test_a_data_set_of_torch_is_not_looked_into() -> None:
    from torch.utils.data import TensorDataset

    assert mute_rows(TensorDataset(), shifted=True) == 0
