"""The space that is searched: what the experiment's file says of each setting, and what Optuna chooses from it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callsheet.errors import did_you_mean
from callsheet.experiments.expanding.forms import override_of

if TYPE_CHECKING:
    from optuna.trial import Trial

WHERE = "experiment.search.space"
KEYS = ("low", "high", "log", "step")
EXAMPLE = "{low: 1e-4, high: 1e-2, log: true} or a list of choices"
PLAIN = (str, int, float, bool, type(None))


def suggest(trial: Trial, name: str, axis: Any) -> Any:
    """The value of one axis for `trial`, from its sampler; the one that it has, if it has one."""
    if not isinstance(axis, Mapping):
        return trial.suggest_categorical(name, _values(axis))
    low, high, step, log = axis["low"], axis["high"], axis.get("step"), bool(axis.get("log"))
    if step is not None:
        high = _at(axis, _steps(axis))  # Optuna warns where the last step ends below `high`
    if _is_whole(low, high):
        return trial.suggest_int(name, low, high, step=1 if step is None else step, log=log)
    return trial.suggest_float(name, low, high, step=step, log=log)


def meant(space: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """By setting, what the file means by the values that Optuna chose: lists and mappings are JSON there."""
    return {name: json.loads(values[name]) if _holds_others(axis) else values[name] for name, axis in space.items()}


def ends(axis: Any) -> tuple[Any, Any]:
    """The first and the last value of an axis."""
    return (axis["low"], axis["high"]) if isinstance(axis, Mapping) else (axis[0], axis[-1])


def overrides(values: Mapping[str, Any]) -> tuple[str, ...]:
    """One override for each setting, as it could be typed."""
    return tuple(said for name, value in values.items() if (said := override_of(name, value)))


def grid(space: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Every value of each axis; `space` is finite."""
    return {str(name): _values(axis) for name, axis in space.items()}


def size(space: Mapping[str, Any]) -> int | None:
    """How many combinations there are; None if an axis has no end of values."""
    return math.prod(map(_count, space.values())) if not endless(space) else None


def endless(space: Mapping[str, Any]) -> list[str]:
    """The axes of floats that have no step."""
    return [str(name) for name, axis in space.items() if isinstance(axis, Mapping) and not _is_stepped(axis)]


def problems(space: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the space, a sentence or two for each axis."""
    for name, axis in space.items():
        if said := _problem(axis):
            yield f"{WHERE}.{name} {said}"


def _problem(axis: Any) -> str:
    if isinstance(axis, Mapping):
        return _problem_of_range(axis)
    if not isinstance(axis, Sequence) or isinstance(axis, str):
        return f"is {axis!r}. Write {EXAMPLE}."
    if not axis:
        return "has no choices. Write at least one, or leave the axis out."
    written = [json.dumps(choice, sort_keys=True, default=str) for choice in axis]
    twice = next((text for text in written if written.count(text) > 1), None)
    return f"has the choice {twice} twice. Write it once." if twice else ""


def _problem_of_range(axis: Mapping[str, Any]) -> str:
    if unknown := [str(key) for key in axis if key not in KEYS]:
        return f"has the key {unknown[0]!r}.{did_you_mean(unknown[0], KEYS)} A range has: {', '.join(KEYS)}."
    if missing := [key for key in ("low", "high") if key not in axis]:
        return f"has no {' and no '.join(missing)}. Write {EXAMPLE}."
    if not isinstance(axis.get("log", False), bool):
        return f"has log: {axis['log']!r}. Write true or false."
    numbers = {key: axis[key] for key in ("low", "high", "step") if axis.get(key) is not None or key != "step"}
    if odd := [key for key, value in numbers.items() if not _is_number(value)]:
        return f"has {odd[0]}: {axis[odd[0]]!r}, which is no finite number."
    return _problem_of_numbers(axis["low"], axis["high"], axis.get("step"), bool(axis.get("log")))


def _problem_of_numbers(low: float, high: float, step: float | None, log: bool) -> str:
    if low > high:
        return f"has low: {low}, which is more than high: {high}. Swap them."
    if log and low <= 0:
        return f"has low: {low} with log: true, and the logarithm begins above 0. Raise low, or write log: false."
    if log and step is not None:
        return f"has both log: true and step: {step}. Optuna knows one of them only: leave the other out."
    if step is not None and step <= 0:
        return f"has step: {step}. A step is more than 0."
    if _is_whole(low, high) and step is not None and not isinstance(step, int):
        return f"has step: {step} between whole numbers. For floats write low: {float(low)}, else a whole step."
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(low: Any, high: Any) -> bool:
    return isinstance(low, int) and isinstance(high, int)


def _is_stepped(axis: Mapping[str, Any]) -> bool:
    return _is_whole(axis["low"], axis["high"]) or axis.get("step") is not None or axis["low"] == axis["high"]


def _steps(axis: Mapping[str, Any]) -> int:
    """How many steps fit between low and high; a hair more than a whole number counts as one, as 0.3 / 0.1 is less."""
    return math.floor((axis["high"] - axis["low"]) / (axis.get("step") or 1) + 1e-9)


def _count(axis: Any) -> int:
    return len(axis) if not isinstance(axis, Mapping) else _steps(axis) + 1


def _values(axis: Any) -> list[Any]:
    if isinstance(axis, Mapping):
        return [_at(axis, index) for index in range(_count(axis))]
    return [json.dumps(choice, sort_keys=True) for choice in axis] if _holds_others(axis) else list(axis)


def _at(axis: Mapping[str, Any], index: int) -> int | float:
    value = axis["low"] + index * (axis.get("step") or 1)
    return value if isinstance(value, int) else float(f"{value:.12g}")  # 0.1 + 2 * 0.1 is 0.30000000000000004


def _holds_others(axis: Any) -> bool:
    """Whether choices are lists or mappings, which Optuna does not keep."""
    return not isinstance(axis, Mapping) and not all(isinstance(choice, PLAIN) for choice in axis)
