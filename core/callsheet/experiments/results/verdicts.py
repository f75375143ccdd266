"""A verdict in words and as JSON: the same for `experiment.json`, `experiment.md`, the terminal and hooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from callsheet.errors import counted, listed
from callsheet.experiments.results.asked import Asked
from callsheet.experiments.statistics.methods import (
    BETTER,
    FEWEST,
    LEVEL,
    NONE,
    NOT_SHOWN,
    WORSE,
    Comparison,
    MethodVerdict,
)
from callsheet.experiments.statistics.power import MOST_SEEDS, POWER

MOST = 50  # comparisons that have a sentence of their own
HOW = "paired t over seeds against the baseline, Holm over arms"
UNASKED = "No success_metric is set, so nothing was compared."
UNCOMPARED = (
    "Arms that are searched are one run each, and are not compared: repeat the best ones in an experiment of their own."
)


def record_of(verdict: MethodVerdict | None, asked: Asked) -> dict[str, Any]:
    """For `experiment.json`."""
    if verdict is None:
        return {"metric": asked.success_metric, "conclusion": " ".join(sentences_of(verdict, asked))}
    return {
        "compares": "methods",
        "metric": asked.success_metric,
        "direction": verdict.direction,
        "baseline": verdict.baseline,
        "test": HOW,
        "level": LEVEL,
        "power": POWER,
        "max_repeats": verdict.looks,
        "conclusion": " ".join(sentences_of(verdict, asked)),
        "methods": [asdict(method) for method in verdict.methods],
        "comparisons": [{**asdict(each), "confidence": each.confidence} for each in verdict.comparisons],
    }


def sentences_of(verdict: MethodVerdict | None, asked: Asked) -> Iterator[str]:
    """One for each comparison."""
    if verdict is None:
        yield UNCOMPARED if asked.success_metric else UNASKED
        return
    if not verdict.comparisons:
        yield "There is one arm alone, so nothing was compared."
    metric = asked.success_metric or ""
    said = [each for each in verdict.comparisons if each.verdict != NONE]
    yield from (sentence(each, verdict, metric) for each in said[:MOST])
    if (more := len(said) - MOST) > 0:
        yield f"{counted(more, 'more arm')} stand in the table."
    yield from _without(verdict, metric)


def _without(verdict: MethodVerdict, metric: str) -> Iterator[str]:
    """Of arms without a verdict for one reason, one sentence for all."""
    reasons: dict[str, list[Comparison]] = {}
    for each in verdict.comparisons:
        if each.verdict == NONE:
            reasons.setdefault(each.why, []).append(each)
    for found in reasons.values():
        named = listed([each.method for each in found])
        yield sentence(replace(found[0], method=named), verdict, metric)


def sentence(found: Comparison, verdict: MethodVerdict, metric: str) -> str:
    """
    >>> lost = Comparison("bema", "no verdict", 1, why="1 seed of both")
    >>> sentence(lost, MethodVerdict("plain", "maximize"), "test.accuracy")
    'bema and plain: no verdict on test.accuracy, 1 seed of both: at least 2 more.'
    """
    other = verdict.baseline
    if found.verdict == NONE:
        return f"{found.method} and {other}: no verdict on {metric}, {found.why}{_at_least(found)}."
    over = f"over {counted(found.pairs, 'seed')}"
    if found.verdict in (BETTER, WORSE):
        by = f"{number(found.difference, sign=True)}{in_interval(found)}"
        return f"{found.method} is {found.verdict} than {other} in {metric}: {by}, {over}{_could(found)}."
    return f"{found.method} and {other}: {NOT_SHOWN} in {metric} {over}{_could(found)}."


def _could(found: Comparison) -> str:
    if found.smallest is None:
        return f" ({found.why})" if found.why else ""
    needed = (
        more_seeds(found) and f"; the one seen, {number(found.difference, sign=True)}, would need {more_seeds(found)}"
    )
    return f", which could have shown {number(found.smallest)}{needed}"


def _at_least(found: Comparison) -> str:
    return f": {more_seeds(found)}" if found.pairs else ""


def more_seeds(found: Comparison) -> str:
    """How many more seeds would show the difference that was seen."""
    if found.verdict == NONE:
        return f"at least {FEWEST - found.pairs} more" if found.pairs < FEWEST else ""
    if found.more_seeds is None:
        return f"over {MOST_SEEDS:,} more" if found.sd else ""
    return f"{found.more_seeds:,} more" if found.more_seeds else ""


def in_interval(found: Comparison) -> str:
    return f" ({interval(found)})" if found.interval else ""


def interval(found: Comparison) -> str:
    """
    >>> interval(Comparison("bema", "better", 5, level=0.025, interval=(0.01, 0.035)))
    '97.5 % from +0.010 to +0.035'
    """
    if found.interval is None or found.confidence is None:
        return ""
    low, high = (number(end, sign=True) for end in found.interval)
    return f"{100 * found.confidence:.3g} % from {low} to {high}"


def number(value: float | None, *, sign: bool = False) -> str:
    """
    >>> number(0.12345, sign=True), number(1234.5), number(1.5e-7), number(None)
    ('+0.123', '1234', '1.5e-07', '')
    """
    if value is None:
        return ""
    plus = "+" if sign else ""
    return f"{value:{plus}.4g}" if abs(value) >= 1000 or 0 < abs(value) < 1e-3 else f"{value:{plus}.{_digits(value)}f}"


def _digits(value: float) -> int:
    return 3 if abs(value) >= 0.01 or value == 0 else 4
