"""What plugins, trainers and engines hand in, as values that strict JSON holds: converted here, or refused by name.

Nothing here imports torch or numpy: a scalar of theirs is known by its `item()`, an array by its `tolist()`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from numbers import Complex, Real
from pathlib import PurePath
from typing import Any

from callsheet.secrets import redact_names, redact_text

DEEPEST = 100  # levels of lists and dictionaries; json itself gives up at about a thousand
LONGEST = 10_000  # characters of an object's own text
MOST_BITS = 14_000  # of an int: Python writes no number of more than 4,300 digits
WHOLE = 2**53  # from here on, a float no longer tells whole numbers apart
NOT_FINITE = ("nan", "inf", "-inf")
FLOAT = "callsheet:float"  # how plugin states hold NaN and infinity, which JSON has no number for


def names_of(value: Any) -> list[str]:
    """The names that a setting holds which takes one of them, or several: `report_to` of a trainer, for instance.

    >>> names_of("wandb"), names_of(["wandb", "mlflow"]), names_of(None)
    (['wandb'], ['wandb', 'mlflow'], [])
    """
    return [value] if isinstance(value, str) else [str(name) for name in value or ()]


def number(value: Any) -> float:
    """`value` as an int or a float of Python: a scalar of numpy or torch, a Decimal, a Fraction, a bool; None is NaN.

    An int beyond 2**53 becomes a float, one beyond all floats infinity. Raises TypeError, which says what it is
    instead: text, a list, or a tensor of more than one element.

    >>> number(True), number(None), number(10**400)
    (1, nan, inf)
    """
    found = math.nan if value is None else _scalar(value)
    if found is None:
        raise TypeError(described(value))
    return found


def numbers(values: Any) -> tuple[dict[str, float], dict[str, str]]:
    """The numbers among `values`, and of what is no number what it is; both by name, without secrets.

    A dictionary among them gives a number for each of its keys.

    >>> numbers({"loss": 1.5, "note": "x", "recall": {"easy": 1}})
    ({'loss': 1.5, 'recall/easy': 1}, {'note': 'text'})
    """
    good: dict[str, float] = {}
    odd: dict[str, str] = {}
    _sort(values, "", good, odd, 0)
    return redact_names(good), redact_names(odd)


def plain(value: Any) -> Any:
    """`value` for strict JSON: numbers are real or None, objects become the text that they give themselves.

    >>> plain({"loss": float("nan"), "path": Path("a/b"), 1: {2}})
    {'loss': None, 'path': 'a/b', '1': [2]}
    """
    return _plain(value, ())


def dumps(content: Any, indent: int | None = None) -> str:
    """Strict JSON of whatever `content` is; `plain` says how."""
    return json.dumps(plain(content), indent=indent, allow_nan=False)


def without_secrets(row: Any) -> Any:
    """`row` as strict JSON has it, without secrets in its texts; its keys are data, so they name none."""
    kept = plain(row)
    text = json.dumps(kept, allow_nan=False)
    return kept if (said := redact_text(text)) == text else json.loads(said)


def stored(state: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The part of `state` that JSON gives back as it was, and of the rest what it is, by name; for `restored`."""
    good: dict[str, Any] = {}
    odd: dict[str, str] = {}
    if not isinstance(state, Mapping):
        return {}, {} if state is None else {"the state": described(state)}
    for name, value in state.items():
        try:
            good[_key(name)] = _stored(value, str(_key(name)), 0)
        except _Odd as error:
            odd[error.where] = error.what
    return good, odd


def restored(content: Any) -> Any:
    """What was `stored`, from what JSON made of it, with NaN and infinity."""
    if isinstance(content, list):
        return [restored(item) for item in content]
    if not isinstance(content, dict):
        return content
    if content.keys() == {FLOAT} and content[FLOAT] in NOT_FINITE:
        return float(content[FLOAT])
    return {name: restored(item) for name, item in content.items()}


def described(value: Any) -> str:
    """What `value` is, for a sentence; never its content, which may be a secret.

    >>> described([1, 2]), described("x")
    ('a list of 2', 'text')
    """
    if isinstance(value, str):
        return "text"
    if isinstance(value, (list, tuple, dict, set)):
        return f"a {type(value).__name__} of {len(value)}"
    name = type(value).__name__ if type(value).__module__ == "builtins" else _name(type(value))
    name = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    try:
        shape = f" of shape {tuple(value.shape)}" if isinstance(value.shape, tuple) and value.shape else ""
        return f"{name}{shape}{', spread over ranks' if _is_spread(value) else ''}"
    except Exception:  # it has no shape
        return name


class _Odd(Exception):
    def __init__(self, where: str, value: Any) -> None:
        self.where, self.what = where, described(value)


def _sort(values: Any, above: str, good: dict[str, float], odd: dict[str, str], depth: int) -> None:
    if not isinstance(values, Mapping) or depth > DEEPEST:
        odd[above.removesuffix("/")] = described(values)
        return
    for key, value in values.items():
        name = f"{above}{_key(key)}"
        if isinstance(value, Mapping):
            _sort(value, f"{name}/", good, odd, depth + 1)
        elif (found := math.nan if value is None else _scalar(value)) is None:
            odd[name] = described(value)
        else:
            good[name] = found


def _scalar(value: Any) -> float | None:
    """The number that `value` is, or None."""
    if isinstance(value, (str, bytes, bytearray, Mapping)):
        return None
    try:
        if isinstance(value, int):
            return int(value) if abs(value) <= WHOLE else float(value)
        if not isinstance(value, float) and hasattr(type(value), "item"):
            value = None if _is_spread(value) else value.item()
        if isinstance(value, Complex) and not isinstance(value, Real):
            return None
        if isinstance(value, int):
            return _scalar(value)
        return float(value) if hasattr(type(value), "__float__") else None
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except Exception:  # of somebody else's class: more than one element, no data, or a fault of its own
        return None


def _is_spread(value: Any) -> bool:
    """Whether it is a DTensor whose number only all ranks together know: asking for it would hang one that is alone."""
    placements = getattr(value, "placements", None)
    return isinstance(placements, tuple) and any(not each.is_replicate() for each in placements)


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str):
        return str.__str__(value)  # also of a subclass
    if isinstance(value, int):
        return int(value) if value.bit_length() <= MOST_BITS else None
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if id(value) in above or len(above) > DEEPEST:
        return "…"
    try:
        return _plain_inside(value, (*above, id(value)))
    except Exception:  # of somebody else's class
        return f"<{_name(type(value))}>"


def _plain_inside(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping):
        return {_key(name): _plain(item, above) for name, item in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if isinstance(value, Real) and (found := _scalar(value)) is not None:
        return _plain(found, above)
    if hasattr(type(value), "tolist") and not _is_spread(value):
        return _plain(value.tolist(), above)
    if isinstance(value, Set):
        return [_plain(item, above) for item in sorted(value, key=str)]
    if isinstance(value, Sequence):
        return [_plain(item, above) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name), above) for each in fields(value)}
    if not isinstance(value, PurePath) and (found := _scalar(value)) is not None:
        return _plain(found, above)
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(name := getattr(value, "__qualname__", None), str):  # a function or a class
        return f"{getattr(value, '__module__', '')}.{name}".lstrip(".")
    kind = type(value)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:  # it would say where it lies in memory
        return f"<{_name(kind)}>"
    return str(value)[:LONGEST]


def _stored(value: Any, where: str, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping) and depth <= DEEPEST:
        return {_key(name): _stored(item, f"{where}/{_key(name)}", depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and depth <= DEEPEST:
        return [_stored(item, f"{where}[{place}]", depth + 1) for place, item in enumerate(value)]
    if isinstance(value, int) and value.bit_length() <= MOST_BITS:
        return int(value)
    found = None if isinstance(value, int) else _scalar(value)
    if found is None:
        raise _Odd(where, value)
    return found if math.isfinite(found) else {FLOAT: str(found)}


def _key(key: Any) -> str:
    """A key as json writes it: 1 becomes "1", True "true"."""
    if isinstance(key, str):
        return str.__str__(key)
    found = _plain(key, ())
    return found if isinstance(found, str) else json.dumps(found)


def _name(kind: type[Any]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
