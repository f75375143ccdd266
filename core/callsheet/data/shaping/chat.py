"""Conversations: rows of messages, their system prompt, and the check for a template that turns them into text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from callsheet.data.streaming import first_rows, mapped
from callsheet.errors import CallsheetError

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]  # datasets ships no types

SPEAKS = {"prompt": "user", "completion": "assistant", "chosen": "assistant", "rejected": "assistant"}
WHOLE = ("messages", "conversations")
ADVICE = (
    "Set model.chat_template to a Jinja file, take a model that was trained to chat, or bring the rows as plain text."
)


def conversations_in(row: Mapping[str, Any]) -> list[str]:
    """The columns of `row` that hold messages."""
    return [name for name in (*WHOLE, *SPEAKS) if _is_conversation(row.get(name))]


def insist_on_template(row: Mapping[str, Any], tokenizer: Any, path: str) -> None:
    """Raise `CallsheetError` if `row` holds messages and `tokenizer` has no chat template."""
    if (found := conversations_in(row)) and not tokenizer.chat_template:
        raise CallsheetError(
            f"Column {found[0]!r} holds conversations, and the tokenizer of {path} has no chat template. {ADVICE}"
        )


def with_system_prompt(rows: Dataset, prompt: str) -> Dataset:
    """Put the system message `prompt` before every conversation of `rows` that has none.

    Plain prompts and answers become conversations. Raises `CallsheetError` if rows have no conversation and no prompt.
    """
    first = first_rows(rows, 1)[0]
    heads = _heads(first)
    if not heads:
        raise CallsheetError(
            "dataset.system_prompt needs conversations, or a column 'prompt' that can become one; the data set has "
            f"{', '.join(first)}."
        )

    def put(row: dict[str, Any]) -> dict[str, Any]:
        said = {name: _conversation(name, row[name]) for name in (*WHOLE, *SPEAKS) if row.get(name) is not None}
        return said | {name: _headed(said[name], prompt) for name in heads}

    return mapped(rows, put, "Putting the system prompt")


def _heads(row: Mapping[str, Any]) -> list[str]:
    """The columns that hold the first message of a conversation."""
    if row.get("prompt") is not None:
        return ["prompt"]
    return [name for name in conversations_in(row) if name != "completion"]


def _is_conversation(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and bool({"role", "from"} & first.keys())


def _conversation(name: str, value: Any) -> Any:
    return [{"role": SPEAKS[name], "content": value}] if isinstance(value, str) and name in SPEAKS else value


def _headed(messages: list[dict[str, Any]], prompt: str) -> list[dict[str, Any]]:
    role, content = ("role", "content") if not messages or "role" in messages[0] else ("from", "value")
    if messages and messages[0].get(role) == "system":
        return messages
    others = dict.fromkeys(messages[0]) if messages else {}  # all messages of a column must have the same keys
    return [{**others, role: "system", content: prompt}, *messages]
