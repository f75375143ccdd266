"""The last and the best value of a metric, from the end of metrics.jsonl, and which metric a run goes by."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from callsheet_plugins.report.glance.tails import TAIL, Tail
from callsheet_plugins.report.glance.words import as_number

ABOUT = ("step", "split", "epoch", "time")  # of a row, what is no metric
# What a run is judged by if its trainer names no metric: GRPO and RLOO log a reward, and a loss that says nothing.
USUAL = ("eval_reward", "reward", "eval_loss", "loss")
LOWER = re.compile(r"loss|perplexity|ppl|error|(^|_)(wer|cer|mae|mse|rmse|kl)($|_)", re.I)
HIGHER = re.compile(r"accurac|reward|exact_match|f1|bleu|rouge|score|margin|win_?rate|pass|precision|recall", re.I)


@dataclass(frozen=True)
class Value:
    """What was logged at a step; NaN where the trainer could give no number."""

    step: int
    value: float


@dataclass(frozen=True)
class Logged:
    """What a run logged, as far as it was read."""

    tail: Tail

    @cached_property
    def names(self) -> list[str]:
        """Those of the last rows; one that is logged more rarely may be missing."""
        found: dict[str, None] = {}
        for row in self.tail.shorter(TAIL).rows():
            found |= dict.fromkeys(name for name in row if name not in found and _value(row, name))
        return [name for name in found if name not in ABOUT]

    def last(self, name: str) -> Value | None:
        """The last value of a name."""
        if name not in self._last:
            found = (_value(row, name) for row in self.tail.backwards(f'"{name}"'))
            self._last[name] = next(filter(None, found), None)
        return self._last[name]

    def best(self, name: str, greater: bool) -> Value | None:
        """The best finite one; of a step that was repeated, the last value counts."""
        by_step: dict[int, float] = {}
        for row in self.tail.rows(f'"{name}"'):
            if found := _value(row, name):
                by_step[found.step] = found.value
        finite = [(step, value) for step, value in by_step.items() if math.isfinite(value)]
        if not finite:
            return None
        return Value(*(max if greater else min)(finite, key=lambda pair: pair[1]))

    @cached_property
    def _last(self) -> dict[str, Value | None]:
        return {}


class Known(Protocol):
    """What is known of the metrics of a run: `names`, and the last value of each."""

    @property
    def names(self) -> list[str]: ...

    def last(self, name: str) -> Value | None: ...


def goes_by(run: Mapping[str, Any], logged: Known) -> str:
    """The metric by which a run is judged: its trainer's, else the first usual one that it logged; or an empty text."""
    named = _named(run)
    usual = (f"eval_{named.removeprefix('eval_')}", named, *USUAL) if named else USUAL
    found = next((name for name in usual if logged.last(name)), "")
    return found or next((name for name in logged.names if re.fullmatch(r"eval_.+_loss", name)), "")


def is_greater_better(run: Mapping[str, Any], name: str) -> bool | None:
    """What the trainer says of its own metric, else what the name says; None for one that says nothing."""
    args = run.get("trainer_args") or {}
    named = _named(run)
    if named and name.removeprefix("eval_") == named.removeprefix("eval_"):
        said = args.get("greater_is_better")
        return said if isinstance(said, bool) else not named.endswith("loss")
    if LOWER.search(name):
        return False
    return True if HIGHER.search(name) else None


def _named(run: Mapping[str, Any]) -> str:
    args = run.get("trainer_args")
    named = args.get("metric_for_best_model") if isinstance(args, dict) else None
    return named if isinstance(named, str) else ""


def _value(row: Mapping[str, Any], name: str) -> Value | None:
    step, value = row.get("step"), row.get(name, "")
    if not isinstance(step, int) or isinstance(step, bool):
        return None
    if value is None:
        return Value(step, math.nan)
    found = as_number(value)
    return None if found is None else Value(step, found)
