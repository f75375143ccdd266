"""The numbers in lines of `metrics.jsonl`, by split and name.

msgspec reads a row into a slot for each name that is known: four times as fast as pyarrow, ten times as fast as json.
Where a piece holds a row of other names, or a line that is none, its rows are read one by one: three times as slow.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from callsheet_plugins.report.reading.lines import LONE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Key = tuple[str, str]  # split and name
Points = tuple["npt.NDArray[np.int64]", "npt.NDArray[np.float64]"]  # steps and values, as they were logged

STEP, SPLIT = "step", "split"
ABOUT = (STEP, SPLIT, "epoch", "time")  # of a row, what is no metric
TRAIN = "train"  # the split of a row that names none
MOST_SLOTS = 300  # rows of more names are read for themselves
MOST_STEPS = 1 << 63
DEEPEST = 20  # levels of mappings among metrics
SAMPLED = 16  # first rows, whose names are learned
MISSING_BITS = 0x7FF8_0000_CA11_0000  # of a NaN that no row holds, and numpy keeps: it tells a slot that was not filled
MISSING: float = struct.unpack("<d", struct.pack("<Q", MISSING_BITS))[0]
NUMBERS = {float, int, bool, type(None)}


class Reader:
    """Reads logs piece by piece. It remembers the names of one for the next: runs of an experiment have the same."""

    def __init__(self) -> None:
        self._names = dict.fromkeys(ABOUT)

    def points(self, piece: bytes, left_out: Callable[[], None]) -> dict[Key, Points]:
        """The numbers of whole lines; of each that is no row, `left_out` is told."""
        if len(self._names) == len(ABOUT):
            self._learn(_rows(piece.split(b"\n", SAMPLED)[:SAMPLED]))
        found = _in_slots(piece, tuple(self._names))
        if found is None:
            rows = [*_rows(piece.split(b"\n"), left_out)]
            self._learn(rows)
            found = _one_by_one(rows)
        return found

    def _learn(self, rows: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> None:
        names = dict.fromkeys(name for row in rows for name in row)
        self._names |= names
        if len(self._names) > MOST_SLOTS:
            self._names = dict.fromkeys((*ABOUT, *names)) if len(names) < MOST_SLOTS else dict.fromkeys(ABOUT)


def _in_slots(piece: bytes, names: tuple[str, ...]) -> dict[Key, Points] | None:
    """None where a row has other names, no step or something nested, or is none."""
    decoder = _decoder(names)
    try:
        rows = decoder.decode_lines(piece) if decoder else []
        return dict(_columns(rows, names)) if len(rows) == piece.count(b"\n") else None  # it takes two in a line
    except (ValueError, RecursionError, OverflowError):
        return None


@lru_cache(maxsize=100)
def _decoder(names: tuple[str, ...]) -> Any:
    """What reads rows of these names; None where one of them is nothing that msgspec can look for."""
    import msgspec

    slots = [(f"slot{place}", Any, MISSING) for place, _ in enumerate(names)]
    renamed = {slot: name for (slot, *_), name in zip(slots, names, strict=True)}
    try:
        row = msgspec.defstruct("Row", slots, rename=renamed, forbid_unknown_fields=True, gc=False)
    except ValueError:
        return None
    return msgspec.json.Decoder(row)


def _columns(rows: Sequence[Any], names: tuple[str, ...]) -> Iterator[tuple[Key, Points]]:
    """The points of each split and name. Raises ValueError for a row without a step, or with something nested."""
    import numpy as np
    from msgspec.structs import astuple

    for split, of_split in _by_split(rows).items():
        steps, *columns = zip(*map(astuple, of_split), strict=True)
        if {*map(type, steps)} != {int}:
            raise ValueError("a row has no step")
        whole = np.array(steps, np.int64)
        for name, values in zip(names[len(ABOUT) :], columns[len(ABOUT) - 1 :], strict=True):
            kinds = {*map(type, values)}
            if dict in kinds:
                raise ValueError("something is nested")
            if not kinds <= NUMBERS:
                values = tuple(value if type(value) in NUMBERS else MISSING for value in values)
            numbers = np.array(values, np.float64)
            is_there = numbers.view(np.int64) != MISSING_BITS
            if is_there.all():
                yield (split, name), (whole, numbers)
            elif is_there.any():
                yield (split, name), (whole[is_there], numbers[is_there])


def _by_split(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        split = row.slot1
        found.setdefault(split if type(split) is str and split else TRAIN, []).append(row)
    return found


def _rows(lines: Sequence[bytes], left_out: Callable[[], None] = lambda: None) -> Iterator[dict[str, Any]]:
    """The lines that are rows with a step."""
    import msgspec

    decode = msgspec.json.Decoder().decode
    for line in lines:
        try:
            row = decode(line)
        except (ValueError, RecursionError):
            row = _loaded(line)
        if isinstance(row, dict) and (step := _step(row.get(STEP))) is not None:
            row[STEP] = step
            yield row
        elif line.strip():
            left_out()


def _one_by_one(rows: Sequence[Mapping[str, Any]]) -> dict[Key, Points]:
    import numpy as np

    found: dict[Key, tuple[list[int], list[float]]] = {}
    for row in rows:
        split = row.get(SPLIT)
        split = _whole(split) if isinstance(split, str) and split else TRAIN
        for name, value in _numbers("", row, 0):
            steps, values = found.setdefault((split, name), ([], []))
            steps.append(row[STEP])
            values.append(value)
    return {key: (np.array(steps, np.int64), np.array(values, np.float64)) for key, (steps, values) in found.items()}


def _numbers(above: str, row: Mapping[str, Any], depth: int) -> Iterator[tuple[str, float]]:
    """A mapping among metrics gives a number for each of its keys, as `callsheet.values.numbers` names them."""
    for name, value in row.items():
        kind = type(value)
        if kind in NUMBERS and (depth or name not in ABOUT):
            yield _whole(above + name), _number(value)
        elif kind is dict and depth < DEEPEST:
            yield from _numbers(f"{above}{name}/", value, depth + 1)


def _number(value: float | None) -> float:
    try:
        return math.nan if value is None else float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.nan


def _step(step: Any) -> int | None:
    whole = int(step) if type(step) is float and step.is_integer() else step
    return whole if type(whole) is int and -MOST_STEPS <= whole < MOST_STEPS else None


def _loaded(line: bytes) -> Any:
    """What json alone takes: NaN, infinity, half of a surrogate pair, and a mark at the beginning of a file."""
    try:
        return json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _whole(name: str) -> str:
    return name if name.isascii() else LONE.sub("\ufffd", name)
