"""A score as files and plugins get it: numbers that are numbers, and the rest left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from callsheet.records import EvalResult
from callsheet.secrets import redact, redact_names, redact_text
from callsheet.values import described, number, numbers


def converted(result: EvalResult) -> tuple[EvalResult, dict[str, str]]:
    """`result` with numbers and text of Python, without secrets, and by name what of it is neither and was left out.

    Raises TypeError for what is no `EvalResult`.
    """
    if not isinstance(result, EvalResult):
        raise TypeError(f"a score must be a callsheet.EvalResult, and this is {described(result)}")
    metrics, odd = numbers(result.metrics)
    breakdowns: dict[str, Mapping[str, float]] = {}
    for task, row in _items(result.breakdowns, "breakdowns", odd):
        breakdowns[task], wrong = numbers(row)
        odd |= {f"{task}/{name}".removesuffix("/"): what for name, what in wrong.items()}
    tags = redact({name: str(value) for name, value in _items(result.tags, "tags", odd) if value is not None})
    return replace(
        result,
        name=redact_text(str(result.name)),
        metrics=metrics,
        benchmark_id=redact_text(str(result.benchmark_id or "")),
        breakdowns=redact_names(breakdowns),
        tags=tags,
        step=whole(result.step, odd),
        commit=None if result.commit is None else redact_text(str(result.commit)),
        eval_seconds=_optional("eval_seconds", result.eval_seconds, odd),
    ), odd


def whole(step: Any, odd: dict[str, str]) -> int | None:
    """`step` as an int or None; for anything else, None and a word in `odd`."""
    found = _optional("step", step, odd)
    if found is None or found == int(found):
        return None if found is None else int(found)
    odd["step"] = described(step)
    return None


def _items(values: Any, name: str, odd: dict[str, str]) -> list[tuple[str, Any]]:
    if isinstance(values, Mapping):
        return [(str(key), value) for key, value in values.items()]
    odd[name] = described(values)
    return []


def _optional(name: str, value: Any, odd: dict[str, str]) -> float | None:
    try:
        found = None if value is None else number(value)
    except TypeError as error:
        odd[name] = str(error)
        return None
    return found if found is None or abs(found) < float("inf") else None
