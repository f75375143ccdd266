"""Values of anybody's become numbers of Python and strict JSON, or are named for what they are."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callsheet.values import described, dumps, number, numbers, plain, restored, stored


class Colour(Enum):
    RED = 1


class Level(IntEnum):
    HIGH = 3


class Opaque: ...


class Spiteful:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Placement:
    def __init__(self, replicates: bool) -> None:
        self.is_replicate = lambda: replicates


class Spread:
    """As a DTensor is: a number that one rank alone must not ask for, because the others would not answer."""

    def __init__(self, *replicates: bool) -> None:
        self.placements = tuple(map(Placement, replicates))
        self.shape = ()
        self.was_asked = False

    def item(self) -> float:
        self.was_asked = True
        return 2.0

    tolist = item


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *(
            (np.float32(0.5), 0.5),
            (np.float16(0.5), 0.5),
            (np.longdouble(0.5), 0.5),
            (np.int64(3), 3),
            (np.uint8(3), 3),
        ),
        *((np.array(1.5), 1.5), (np.array([1.5]), 1.5), (np.bool_(True), 1), (True, 1), (Level.HIGH, 3)),
        *((Decimal("1.5"), 1.5), (Fraction(1, 2), 0.5), (Decimal("1e999"), math.inf), (10**400, math.inf)),
        *((-(10**400), -math.inf), (Fraction(10**400), math.inf), (2**53, 2**53), (2**70, float(2**70))),
        *((Spread(), 2.0), (Spread(True, True), 2.0), (math.inf, math.inf)),
    ],
)
def test_what_is_a_number_becomes_one(given: Any, expected: float) -> None:
    found = number(given)
    assert found == expected and type(found) in (int, float)


@pytest.mark.parametrize("given", [None, math.nan, np.float32("nan"), Decimal("NaN")])
def test_no_number_at_all_is_nan(given: Any) -> None:
    assert math.isnan(number(given))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        *(("0.5", "text"), (b"1", "bytes"), ([1, 2], "a list of 2"), ({}, "a dict of 0"), (1j, "complex")),
        *((np.complex64(1), "complex64"), (np.array([1, 2]), r"numpy.ndarray of shape \(2,\)"), (Opaque(), "Opaque")),
        *((date(2020, 1, 1), "datetime.date"), (Decimal("sNaN"), "Decimal")),
        *((Path("a"), "Path"), (np.datetime64("2020-01-01"), "datetime64")),
    ],
)
def test_what_is_none_is_refused_for_what_it_is(given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        number(given)


def test_a_number_that_all_ranks_together_know_is_not_asked_for_on_one() -> None:
    odd = Spread(True, False)
    with pytest.raises(TypeError, match="Spread, spread over ranks"):
        number(odd)
    dumps({"odd": odd})
    assert not odd.was_asked and stored({"odd": odd})[1].keys() == {"odd"} and not odd.was_asked


def test_an_object_that_raises_whatever_it_is_asked_is_refused_too() -> None:
    with pytest.raises(TypeError, match="Spiteful"):
        number(Spiteful())


def test_one_odd_value_takes_no_other_with_it() -> None:
    odd = {"a": 1, "note": "hf_secret", "by": {"task": {"x": np.float32(0.5)}, "y": Opaque()}, 3: 4, "all": [1]}
    good, left = numbers(odd)
    assert good == {"a": 1, "by/task/x": 0.5, "3": 4}
    assert left.keys() == {"note", "by/y", "all"} and "hf_secret" not in str(left), "content may be a secret"
    assert numbers([1]) == ({}, {"": "a list of 1"})


def test_whatever_it_is_the_json_is_strict() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    deep: Any = 0
    for _ in range(5_000):
        deep = [deep]
    content = {
        **{"nan": math.nan, "inf": [math.inf, -math.inf], "np": np.float32(0.5), "bool": np.bool_(True), "path": Path("a/b")},
        **{"enum": Colour.RED, "array": np.array([[1, 2]]), "set": {2, 1}, "tuple": (1,), "range": range(2), "bytes": b"x"},
        **{"opaque": Opaque(), "spiteful": Spiteful(), "circle": circle, "deep": deep, "huge": 10**5000, "key": {1: 2, None: 3}},
        **{"text": "a\ud800", "type": Opaque, "decimal": Decimal("0.5"), "complex": 1j, "ordered": OrderedDict(a=1)},
        **{"date": date(2020, 1, 1), Colour.RED: np.nan, "nats": np.array([math.nan, 1])},
    }  # fmt: skip
    found = strict(dumps(content))
    assert found["nan"] is None and found["inf"] == [None, None] and found["huge"] is None and found["RED"] is None
    assert (found["np"], found["bool"], found["path"], found["enum"]) == (0.5, True, "a/b", "RED")
    assert (found["array"], found["set"], found["tuple"], found["range"]) == ([[1, 2]], [1, 2], [1], [0, 1])
    assert "Opaque>" in found["opaque"] and "0x" not in found["opaque"], "not where it lies in memory"
    assert found["key"] == {"1": 2, "null": 3} and found["decimal"] == 0.5 and found["nats"] == [None, 1.0]
    assert plain({"a": 1.5}) == {"a": 1.5}


def test_a_state_comes_back_as_it_was_with_nan_and_infinity() -> None:
    state = {
        "best": -math.inf,
        "seen": [math.nan, 1.5],
        "generator": 2**127 + 1,
        "deep": {"x": {"y": math.inf}},
        "s": "a",
    }
    good, odd = stored(state)
    strict(text := json.dumps(good, allow_nan=False))
    back = restored(json.loads(text))
    assert not odd and math.isnan(back["seen"].pop(0))
    state["seen"].pop(0)  # type: ignore[union-attr]
    assert back == state


def test_a_state_keeps_what_json_can_hold() -> None:
    good, odd = stored(
        {"count": np.int64(3), "weights": np.zeros(3), "deep": {"list": [1, Opaque()]}, "path": Path("a")}
    )
    assert good == {"count": 3}
    assert odd.keys() == {"weights", "deep/list[1]", "path"} and "shape (3,)" in odd["weights"]
    assert stored([1])[1] == {"the state": "a list of 1"} and stored(None) == ({}, {})


def test_it_needs_neither_torch_nor_numpy(imports_lightly: Any) -> None:
    imports_lightly("callsheet.values")
    assert described(Spiteful()).endswith("Spiteful")
