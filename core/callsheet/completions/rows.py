"""A completion as files and plugins get it: text of bounded length, numbers, no secrets; and the rest left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from callsheet.errors import counted
from callsheet.values import described, dumps, number, numbers, without_secrets

LONGEST = 100_000  # characters of one text; of a longer one, the middle is left out
LONGEST_CONVERSATION = 10 * LONGEST  # characters of its JSON
EVALUATION = "eval"  # the source of a row that names none
NUMBERS = ("rewards", "scores")

Row = dict[str, Any]


def completion_rows(rows: Sequence[Mapping[str, Any]], step: int) -> tuple[list[Row], dict[str, str]]:
    """The rows as `completions/<step>.jsonl` has them, and by name what of them was left out, with what it is.

    Raises TypeError for a step that is no whole number.
    """
    kept, odd = list[Row](), dict[str, str]()
    at = _step(step)
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            odd["a row"] = described(row)
        elif lacking := [name for name in ("prompt", "completion") if row.get(name) is None]:
            odd["a row"] = f"one without {' and '.join(lacking)}"
        else:
            kept.append(_row(row, at, place, odd))
    return kept, odd


def text_of(said: Any) -> str:
    """A completion as text: of a conversation, what is said in its only message, else its JSON."""
    if isinstance(said, str):
        return said
    if isinstance(said, Sequence) and len(said) == 1 and isinstance(said[0], Mapping):
        message = said[0]
        if isinstance(message.get("content"), str) and not message.get("tool_calls"):
            return str(message["content"])
    return dumps(said)


def shortened(text: str, longest: int = LONGEST) -> str:
    """`text`, or its beginning and end with a mark between them that says how much is left out.

    >>> shortened("abcdefgh", 4)
    'ab[… 4 characters left out …]gh'
    """
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}[… {counted(len(text) - 2 * half, 'character')} left out …]{text[-half:]}"


def _row(row: Mapping[str, Any], step: int, place: int, odd: dict[str, str]) -> Row:
    prompt = row["prompt"]
    found: Row = {
        "step": step,
        "source": str(row.get("source") or EVALUATION),
        "index": _number("index", row.get("index", place), odd),
        "prompt": prompt if isinstance(prompt, (list, tuple)) else text_of(prompt),
        "completion": text_of(row["completion"]),
    }
    for name in NUMBERS:
        values = row.get(name)
        found[name], wrong = numbers({} if values is None else values)
        odd |= {f"{name}/{key}".removesuffix("/"): what for key, what in wrong.items()}
    found["advantage"] = _number("advantage", row.get("advantage"), odd)
    others = {name: value for name, value in row.items() if name not in found}
    return _bounded(without_secrets({**found, **others}))


def _bounded(row: Row) -> Row:
    bounded = {name: _mended(value) for name, value in row.items()}
    if not isinstance(bounded["prompt"], str) and len(said := dumps(bounded["prompt"])) > LONGEST_CONVERSATION:
        bounded["prompt"] = shortened(said)
    return bounded


def _mended(value: Any) -> Any:
    """`value` of JSON with texts that are not too long, and that every file and terminal takes."""
    if isinstance(value, str):
        whole = value if value.isascii() else _paired(value)
        return shortened(whole)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in value.items()}
    return value


def _paired(text: str) -> str:
    """`text` in which each half of a surrogate pair that stands alone is the sign for what cannot be shown."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _step(step: Any) -> int:
    found = number(step)
    if found != int(found):
        raise TypeError(f"the step of completions must be a whole number, and this is {described(step)}")
    return int(found)


def _number(name: str, value: Any, odd: dict[str, str]) -> float | None:
    try:
        return None if value is None else number(value)
    except TypeError as error:
        odd[name] = str(error)
        return None
