"""A prompt or a completion as messages, each with the role that said it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callsheet_plugins.report.telling.visible import in_line, said

CONVERSATION = ('[{"', "[{'")
KNOWN = ("role", "content")
LONGEST_PARSED = 200_000  # characters


@dataclass(frozen=True)
class Message:
    """`role` is empty for plain text."""

    role: str
    text: str


def messages(given: Any, longest: int) -> list[Message]:
    """What was said, in order: of a conversation a message each, of a text one without a role.

    >>> messages([{"role": "user", "content": "Hello"}], 100)
    [Message(role='user', text='Hello')]
    """
    conversation = _conversation(given)
    if conversation is None:
        return [Message("", said(given, longest))]
    return [_message(one, max(200, longest // len(conversation))) for one in conversation]


def _conversation(given: Any) -> list[Any] | None:
    """The messages of a conversation, also of one that was written as JSON; None for anything else."""
    if isinstance(given, str) and given.startswith(CONVERSATION) and len(given) < LONGEST_PARSED:
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return None
    whole = isinstance(given, list) and given and all(isinstance(one, Mapping) and "role" in one for one in given)
    return given if whole else None


def _message(message: Mapping[str, Any], longest: int) -> Message:
    content = message.get("content")
    parts = [_part(part) for part in content] if isinstance(content, list) else [] if content is None else [content]
    others = {name: value for name, value in message.items() if name not in KNOWN and value not in (None, [], "")}
    texts = [said(part, longest) for part in parts] + [
        f"{in_line(name)}: {said(value, longest)}" for name, value in others.items()
    ]
    return Message(in_line(message["role"], 40), "\n".join(texts))


def _part(part: Any) -> Any:
    """The text of a part; of an image or the like, what it is."""
    if isinstance(part, Mapping):
        return part["text"] if isinstance(part.get("text"), str) else f"[{in_line(part.get('type', 'a part'), 40)}]"
    return part
