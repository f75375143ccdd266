"""What differs first between two runs that a probe has seen, in sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.testing.observing.surroundings import VARIABLE

STEP, END, ROWS = "step_begin", "train_end", "rows"
# What is compared at a moment, in this order, and what a difference is called.
KINDS = {
    "random": "the random state of {}",
    "surroundings": "{}",
    "modes": "the mode (training or eval) of {}",
    "gradients": "the gradient of {}, which is none here otherwise,",
    "weights": "the weight {}",
    "optimizer": "the optimizer's {}",
    "scheduler": "the scheduler's {}",
}
MEASURED = ("runtime", "per_second", "step_time", "_timing", "seconds")  # times, which no two runs share
SUMMARY = "train_loss"  # an average over one process, in a row that no resumed run has
LONGEST = 60
SHORTER = "the run with it has ended, and the run without it goes on"
LONGER = "the run with it goes on, and the run without it has ended"
Line = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise, at a moment of a run."""

    when: str
    kind: str
    what: str


def read(file: Path) -> list[Line]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def differences(
    mine: Sequence[Line], other: Sequence[Line], *, evaluations: bool, since: int | None = None
) -> list[Difference]:
    """How `mine`, the run with the plugin, differs from the `other`, in the order of time.

    With `since`, `mine` was resumed at that step and `other` was not; only what comes after it is compared.
    """
    moments = {(line["at"], line["step"]): line for line in mine}
    began_otherwise = _began_otherwise(mine[0]["surroundings"], other[0]["surroundings"])
    found: list[Difference] = []
    for expected in other[1:]:
        key = expected["at"], expected["step"]
        if key[0] == ROWS or (since is not None and key[1] <= since):
            continue
        if key not in moments:
            return [*found, Difference(when(*key), "steps", SHORTER)]
        found += _at(when(*key), moments[key], expected, began_otherwise)
    last = max(line["step"] for line in other)
    found += [Difference(when(*key), "steps", LONGER) for key in moments if key[0] == STEP and key[1] >= last][:1]
    return [*found, *_rows(mine[-1].get("rows", []), other[-1]["rows"], evaluations)]


def when(at: str, step: int) -> str:
    if at == END:
        return "at the end of training"
    return f"after step {step}" if at == STEP and step else "before its first step"


def _began_otherwise(mine: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str | None]:
    """What was otherwise before both runs, as in a process in which something happened between them, with our value."""
    return {name: mine.get(name) for name in {*mine, *other} if mine.get(name) != other.get(name)}


def _at(moment: str, mine: Line, other: Line, began_otherwise: Mapping[str, str | None]) -> Iterator[Difference]:
    for kind, title in KINDS.items():
        ours, theirs = mine.get(kind, {}), other.get(kind, {})
        for name in [*theirs, *(name for name in ours if name not in theirs)]:
            if ours.get(name) == theirs.get(name):
                continue
            if kind == "surroundings" and name in began_otherwise and began_otherwise[name] == ours.get(name):
                continue  # nobody has changed it since
            values = _values(name, ours.get(name), theirs.get(name)) if kind in ("surroundings", "modes") else ""
            yield Difference(moment, kind, f"{title.format(name)} differs{values}")


def _values(name: str, ours: str | None, theirs: str | None) -> str:
    if name.startswith(VARIABLE):
        return ""
    return f" ({_short(ours)} with it, {_short(theirs)} without)"


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _rows(mine: Sequence[Line], other: Sequence[Line], evaluations: bool) -> Iterator[Difference]:
    """The trainer's rows that are not in `mine`; more rows, and more values in a row, are the plugin's own."""
    left = list(mine)
    for row in other:
        expected = {key: value for key, value in row.items() if not key.endswith(MEASURED)}
        if SUMMARY in row or (not evaluations and any(key.startswith("eval_") for key in row)):
            continue
        place = next((number for number, found in enumerate(left) if _holds(found, expected)), None)
        if place is not None:
            del left[: place + 1]
            continue
        yield Difference(f"in the trainer's log of step {row.get('step')}", "log", _unlike(expected, left))
        return


def _holds(row: Line, expected: Line) -> bool:
    return all(key in row and repr(row[key]) == repr(value) for key, value in expected.items())  # NaN, too


def _unlike(expected: Line, rows: Sequence[Line]) -> str:
    """How the row that is nearest to `expected` differs from it."""
    near = [row for row in rows if row.get("step") == expected.get("step") and expected.keys() <= row.keys()]
    if not near:
        names = ", ".join(key for key in expected if key not in ("step", "epoch"))
        return f"the row with {names} is missing, or stands in another order"
    key = next(key for key, value in expected.items() if repr(near[0][key]) != repr(value))
    return f"{key} is {near[0][key]} with it, and {expected[key]} without"
