"""The prompts of an evaluation set, whatever a trainer has made of its rows: text, conversations, pairs or tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from callsheet.errors import listed
from callsheet.generation.drawing import seed_of

SINGLE = "eval"  # what a single evaluation set is called
POOL = 1_000  # rows of a stream from which fresh prompts are drawn
IMAGES = ("image", "images", "pixel_values")
ROLES = {"human": "user", "gpt": "assistant"}  # of rows that say from and value
WITH_PROMPT = "prompt, messages, text or input_ids"


@dataclass(frozen=True)
class Prompt:
    """One row of an evaluation set: `given` has its `prompt`, which is text, messages or tokens, and its tools."""

    source: str
    index: int
    given: Mapping[str, Any] = field(repr=False)


def evaluation_sets(trainer: Any) -> dict[str, Any]:
    """The evaluation sets of a trainer by name; a single one is called "eval"."""
    sets = getattr(trainer, "eval_dataset", None)
    if sets is None:
        return {}
    return dict(sets) if isinstance(sets, Mapping) else {SINGLE: sets}


def unusable(rows: Any) -> str:
    """Why no prompt can be taken from a set, as the end of a sentence about it; or an empty string."""
    first = next((row for _, row in _rows(rows, range(1))), None)
    if first is None:
        return "it has no rows"
    if not isinstance(first, Mapping):
        return f"its rows are no dictionaries, but {type(first).__name__}"
    if found := [name for name in IMAGES if name in first]:
        return f"its rows have {listed(found)}, and only text is sampled"
    has = listed([*map(str, first)])
    return "" if given_by(first) else f"the first of its rows has no {WITH_PROMPT} from which to begin; it has {has}"


def prompts_of(
    source: str, rows: Any, count: int | None, *, seed: int | None = None, is_encoded: bool = False
) -> list[Prompt]:
    """The first `count` prompts of a set, or with `seed` as many others, in their order; all of them for None.

    Of a stream, which has no length, fresh prompts come from its first 1,000 rows, and so do all. A row without a
    prompt is passed over. For an encoder and decoder, `is_encoded`, tokens are a prompt as a whole.
    """
    if _length(rows) is None and (count is None or seed is not None):
        rows = [row for _, row in _rows(rows, range(POOL))]
    total = _length(rows)
    most = min(limit for limit in (count, total, 1 << 30) if limit is not None)
    chosen: Sequence[int] = range(most) if seed is None else _drawn(total or 0, most, seed)
    numbered = ((index, row) for index, row in _rows(rows, chosen) if isinstance(row, Mapping))
    found = ((index, given_by(row, is_encoded=is_encoded)) for index, row in numbered)
    return [Prompt(source, index, given) for index, given in found if given]


def given_by(row: Mapping[str, Any], *, is_encoded: bool = False) -> dict[str, Any]:
    """The prompt of one row, with its tools and the arguments of its chat template; empty where it has none."""
    if any(row.get(name) is not None for name in IMAGES):
        return {}
    more = {name: row[name] for name in ("tools", "chat_template_kwargs") if row.get(name)}
    found = (_stated(row), _before_answer(row), _shared(row), _begun(row.get("text")), _of_tokens(row, is_encoded))
    prompt = next((one for one in found if one is not None and len(one)), None)
    return {} if prompt is None else {"prompt": _plain(prompt), **more}


def _plain(prompt: Any) -> Any:
    """A prompt without tensors, and without what Arrow fills in where other messages have more fields."""
    listed = prompt.tolist() if hasattr(prompt, "tolist") else prompt
    return [_message(each) for each in listed] if not isinstance(listed, str) else listed


def _stated(row: Mapping[str, Any]) -> Any:
    return next((row[name] for name in ("prompt", "prompt_ids", "prompt_input_ids") if row.get(name) is not None), None)


def _before_answer(row: Mapping[str, Any]) -> Any:
    """A conversation up to its last answer."""
    said = next((row[name] for name in ("messages", "conversations") if row.get(name) is not None), None)
    if said is None:
        return None
    messages = [_message(each) for each in said]
    while len(messages) > 1 and messages[-1]["role"] == "assistant":
        messages.pop()
    return messages


def _message(said: Any) -> Any:
    """A message as chat templates take it; a token as it is."""
    if not isinstance(said, Mapping):
        return said
    if "from" in said:
        return {"role": ROLES.get(said["from"], said["from"]), "content": said.get("value")}
    return {name: value for name, value in said.items() if value is not None or name == "content"}


def _shared(row: Mapping[str, Any]) -> Any:
    """What a preferred and a rejected answer begin with."""
    chosen, rejected = row.get("chosen"), row.get("rejected")
    if chosen is None or rejected is None:
        return None
    pairs = enumerate(zip(chosen, rejected, strict=False))
    return chosen[: next((place for place, (one, other) in pairs if one != other), min(len(chosen), len(rejected)))]


def _of_tokens(row: Mapping[str, Any], is_encoded: bool) -> Any:
    """The tokens before those that are learned; the first half where all are, of the first text of a packed row."""
    if row.get("input_ids") is None:
        return None
    tokens = [int(token) for token in row["input_ids"]]
    if is_encoded:  # what is learned stands apart, in the labels
        return tokens
    lengths = row.get("seq_lengths")
    tokens = tokens[: int(lengths[0])] if lengths is not None and len(lengths) else tokens
    learned = row.get("completion_mask")
    if learned is None and row.get("labels") is not None and not isinstance(row["labels"], int):
        learned = [label != -100 for label in row["labels"]]
    begins = next((place for place, one in enumerate(learned) if one), 0) if learned is not None else 0
    return tokens[: begins or (len(tokens) + 1) // 2]


def _begun(text: Any) -> Any:
    """The first half of a text, up to the end of a word where there is one."""
    if not isinstance(text, str):
        return None
    half = text[: (len(text) + 1) // 2]
    return half[: half.rfind(" ")] if " " in half.strip() and not text[len(half) : len(half) + 1].isspace() else half


def _drawn(total: int, count: int, seed: int) -> list[int]:
    return sorted(random.Random(seed_of(seed)).sample(range(total), count))


def _length(rows: Any) -> int | None:
    try:
        return len(rows)
    except TypeError:
        return None


def _rows(rows: Any, wanted: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """Rows by their numbers; of a stream, a copy is read, so that where the stream itself stands stays as it is."""
    if _length(rows) is not None and hasattr(rows, "__getitem__"):
        yield from ((index, rows[index]) for index in wanted if index < len(rows))
        return
    last = max(wanted, default=-1) + 1
    stream = rows.take(last) if hasattr(rows, "take") else rows
    yield from enumerate(islice(stream, last))
