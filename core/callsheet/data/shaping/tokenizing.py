"""Tokens from text, and a collator for batches, for a trainer that makes neither."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from callsheet.config.schema import TokenizeSettings
from callsheet.data.streaming import columns_of, first_rows, is_stream, mapped
from callsheet.errors import CallsheetError

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]  # datasets ships no types

LABELS = ("label", "labels")
BATCH = 1_000
SHOWN = 100  # rows of a stream whose labels are checked


def tokenized(rows: Dataset, tokenizer: Any, settings: TokenizeSettings, auto_class: str) -> Dataset:
    """Turn the text of `rows` into token ids and keep the labels; rows that hold `input_ids` stay as they are.

    The labels of a causal model are its tokens.
    """
    columns = columns_of(rows)
    if "input_ids" not in columns:
        kept = [name for name in LABELS if name in columns]
        dropped = [name for name in columns if name not in kept]

        def encode(row: dict[str, Any]) -> dict[str, Any]:
            return _encoded(row, tokenizer, settings)

        rows = mapped(rows, encode, "Tokenizing", remove_columns=dropped)
    if auto_class.endswith("ForCausalLM") and not set(LABELS) & set(columns):
        rows = mapped(rows, lambda row: {"labels": row["input_ids"]}, "Labelling")
    return rows


def without_empty(rows: Any) -> Any:
    """`rows` without those that have no token: a batch of nothing else would fail in the model."""
    if is_stream(rows):
        return rows.filter(_has_tokens)
    tables = rows.select_columns(["input_ids"]).with_format("arrow").iter(BATCH)
    full = all(length for table in tables for length in table["input_ids"].combine_chunks().value_lengths().to_pylist())
    return rows if full else rows.filter(_has_tokens, desc="Leaving out rows without text")


def collator(rows: Dataset, tokenizer: Any, auto_class: str) -> Any:
    """The collator that pads `rows` into batches: it masks tokens, or pads labels of tokens, or has one label a row."""
    from transformers import (
        DataCollatorForLanguageModeling,
        DataCollatorForSeq2Seq,
        DataCollatorWithPadding,
    )

    if auto_class.endswith("ForMaskedLM"):
        return DataCollatorForLanguageModeling(tokenizer)
    if isinstance(first_rows(rows, 1)[0].get("labels"), list):
        return DataCollatorForSeq2Seq(tokenizer)
    return DataCollatorWithPadding(tokenizer)


def check_labels(rows: Dataset, config: Any, auto_class: str) -> None:
    """Raise `CallsheetError` if the classifier has no output for a label."""
    columns = columns_of(rows)
    name = next((name for name in LABELS if name in columns), None)
    if not auto_class.endswith("ForSequenceClassification"):
        return
    if name is None:
        raise CallsheetError(f"model.auto_class={auto_class} needs a column 'label' beside the text; {_has(columns)}.")
    labels = [row[name] for row in first_rows(rows, SHOWN)] if is_stream(rows) else rows[name][:]
    if isinstance(labels[0], str):
        raise CallsheetError(f"Column {name!r} holds text such as {labels[0]!r}; number the classes from 0.")
    whole = [label for label in labels if isinstance(label, int)]
    if whole and config.num_labels > 1 and max(whole) >= config.num_labels:
        raise CallsheetError(
            f"Column {name!r} holds the class {max(whole)}, and the model has {config.num_labels}: set "
            f"model.kwargs.num_labels={max(whole) + 1}."
        )


def _has_tokens(row: dict[str, Any]) -> bool:
    return bool(row["input_ids"])


def _encoded(row: dict[str, Any], tokenizer: Any, settings: TokenizeSettings) -> dict[str, Any]:
    limit = settings.max_length or min(tokenizer.model_max_length, 2**31)
    if row.get("messages") is not None:
        text = tokenizer.apply_chat_template(row["messages"], tokenize=False)
        return dict(tokenizer(text, truncation=True, max_length=limit, add_special_tokens=False))
    return dict(tokenizer(row[settings.text_field], truncation=True, max_length=limit))


def _has(columns: Sequence[str]) -> str:
    return f"the data set has {', '.join(columns)}"
