"""How many prepared rows hold a token that a model learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]  # datasets ships no types

IGNORED = -100  # the label of a token that has no loss, in torch and in every trainer
# A look at more rows takes seconds, and tells nothing new.
ROWS = 100_000
BATCH = 1_000


def mute_rows(rows: Dataset, *, shifted: bool) -> int:
    """How many of the first `ROWS` rows have no label of a token; 0 where the rows have no such labels.

    `shifted` says that the model predicts the next token: the first label of a row then has no loss.
    """
    columns = getattr(rows, "column_names", None) or []  # a trainer of somebody's own may hold any data set of torch
    if "labels" not in columns or not len(rows) or not isinstance(rows[0]["labels"], list):
        return 0
    labels = rows.take(min(ROWS, len(rows))).select_columns(["labels"]).with_format("arrow")
    return sum(_mute(table["labels"].combine_chunks(), shifted) for table in labels.iter(BATCH))


def _mute(labels: Any, shifted: bool) -> int:
    """How many lists of an arrow array of lists hold nothing but ignored labels."""
    import numpy as np

    values = labels.flatten().to_numpy(zero_copy_only=False)
    lengths = labels.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    learnt = np.concatenate([[0], np.cumsum(values != IGNORED)])
    ends = np.cumsum(lengths)
    starts = np.minimum(ends - lengths + shifted, ends)
    return int((learnt[ends] == learnt[starts]).sum())
