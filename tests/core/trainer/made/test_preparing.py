"""The look into the preparation of data sees each data set, under its name, before and after."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.trainer.made.preparing import SAMPLE, watched


class Short:
    """Prepares data as the trainers of TRL do: it drops rows of more than two letters."""

    def __init__(self, **rows: Any) -> None:
        self.kept = {name: self._prepare_dataset(found, None, None, name) for name, found in rows.items()}

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
        return dataset.filter(lambda row: len(row["text"]) < 3)


def rows(*texts: str) -> Any:
    from datasets import Dataset  # type: ignore[import-untyped]  # datasets ships no types

    return Dataset.from_dict({"text": texts})


def seen_of(**given: Any) -> tuple[Any, list[tuple[str, int, int]]]:
    seen: list[tuple[str, int, int]] = []
    made = watched(Short, lambda name, before, after: seen.append((name, len(before), len(after))))(**given)
    return made, seen


def test_each_data_set_is_seen_under_its_name() -> None:
    made, seen = seen_of(train=rows("a", "abc"), hard=rows("abc"))

    assert seen == [("train", 2, 1), ("hard", 1, 0)]
    assert {name: len(kept) for name, kept in made.kept.items()} == {"train": 1, "hard": 0}


def test_of_a_stream_the_first_rows_are_seen_and_the_stream_is_left_as_it_is() -> None:
    stream = rows("a", "abc").to_iterable_dataset().repeat(None)
    made, seen = seen_of(train=stream)

    assert seen == [("train", SAMPLE, SAMPLE // 2)]
    assert next(iter(made.kept["train"])) == {"text": "a"}


def test_what_the_look_raises_ends_the_constructor() -> None:
    def refuse(name: str, before: Any, after: Any) -> None:
        raise ValueError(name)

    with pytest.raises(ValueError, match="train"):
        watched(Short, refuse)(train=rows("abc"))


def test_the_class_keeps_its_name_and_one_that_prepares_nothing_is_left_alone() -> None:
    made, _ = seen_of()

    assert (type(made).__name__, type(made).__module__) == (Short.__name__, Short.__module__)
    assert watched(dict, print) is dict
