"""A trial call of each reward function before training, with the first rows and a made-up completion."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from callsheet.errors import CallsheetError

ROWS = 2
COMPLETION = "A completion made up to try the reward functions."


def probe(
    rewards: Sequence[Callable[..., Any] | str],
    paths: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    encode: Callable[[str], list[int]],
) -> None:
    """Call each of `rewards` once with the first rows, as TRL does; raises `CallsheetError` if a call fails.

    A reward function must accept any text, because a model that is learning writes any text.
    """
    first = [*islice(rows, ROWS)]
    for reward, path in zip(rewards, paths, strict=True):
        if not isinstance(reward, str):
            _try(reward, path, _arguments(first, encode))


def _try(reward: Callable[..., Any], path: str, arguments: Mapping[str, Any]) -> None:
    try:
        returned = reward(**arguments)
        if inspect.isawaitable(returned):
            asyncio.run(_wait_for(returned))
    except CallsheetError:
        raise
    except Exception as error:
        what = "messages" if isinstance(arguments["completions"][0], list) else "text"
        raise CallsheetError(
            f"Reward {path} failed on the first rows with {type(error).__name__}: {error}. Its completions are {what}, "
            "because the prompts are."
        ) from error


def _arguments(rows: Sequence[Mapping[str, Any]], encode: Callable[[str], list[int]]) -> dict[str, Any]:
    """The arguments that TRL passes to a reward function for these rows."""
    from transformers import TrainerState

    columns = {name: [row[name] for row in rows] for name in rows[0] if name not in ("prompt", "completion")}
    conversational = not isinstance(rows[0]["prompt"], str)
    completion: Any = [{"role": "assistant", "content": COMPLETION}] if conversational else COMPLETION
    return {
        **columns,
        "prompts": [row["prompt"] for row in rows],
        "completions": [completion for _ in rows],
        "completion_ids": [encode(COMPLETION) for _ in rows],
        "trainer_state": TrainerState(),
        "log_extra": lambda column, values: None,
        "log_metric": lambda name, value: None,
    }


async def _wait_for(returned: Any) -> Any:
    return await returned
