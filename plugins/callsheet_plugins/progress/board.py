"""What is known of a run, for whoever shows it: hooks write, and a display reads, from another thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from callsheet_plugins.progress.pace import Pace, Tokens
from callsheet_plugins.progress.repeats import Repeats


@dataclass(frozen=True)
class Reading:
    """One value of something that is measured now and then, and the one before it."""

    step: int | None
    value: float
    before: float | None = None

    @property
    def change(self) -> float | None:
        return None if self.before is None else self.value - self.before


@dataclass
class Score:
    """The scores of one benchmark, by step; those that come late take their place."""

    metric: str
    values: dict[int, float] = field(default_factory=dict)

    def add(self, step: int | None, value: float) -> None:
        self.values = {**self.values, -1 if step is None else step: value}

    @property
    def last(self) -> Reading:
        *others, step = sorted(self.values)
        before = self.values[others[-1]] if others else None
        return Reading(None if step < 0 else step, self.values[step], before)


@dataclass
class Evaluation:
    """One evaluation set: its newest metrics, and those before; `at` of `of` batches while it is being evaluated."""

    step: int | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Evaluating:
    """The evaluation that goes on, or that was the last; `of` is None where nobody knows how many batches come."""

    name: str
    done: int = 0
    of: int | None = None
    is_over: bool = False


@dataclass
class Board:
    """Everything that a display shows. A value is replaced, never changed in place, so no lock is needed."""

    pace: Pace
    tokens: Tokens
    step: int = 0
    epoch: float = 0.0
    resumed_at: int | None = None
    learns_by_rewards: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)  # of the newest step: reward or loss, learning rate
    metrics: Mapping[str, Any] = field(default_factory=dict)  # the newest of each name that the trainer has logged
    evaluating: Evaluating | None = None
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)
    utilization: tuple[float, float] | None = None  # FLOPs for a token, and FLOP/s of all devices
    outbox: Callable[[], Mapping[str, Mapping[str, int]]] = dict
    cost: Callable[[], Mapping[str, float]] = dict  # seconds, by plugin
    repeats: Repeats = field(default_factory=Repeats)
    is_over: bool = False

    @property
    def mfu(self) -> float | None:
        """The share of what the devices could compute; None where that is not known."""
        if self.utilization is None or (rate := self.tokens.per_second) is None:
            return None
        each, most = self.utilization
        return each * rate / most

    def evaluated(self, name: str, step: int, metrics: Mapping[str, Any]) -> None:
        known = self.evaluations.get(name, Evaluation())
        before = known.metrics if step != known.step else known.before
        self.evaluations = {**self.evaluations, name: Evaluation(step, metrics, before)}

    def scored(self, name: str, metrics: Mapping[str, Any], step: int | None) -> Score | None:
        """A benchmark was scored; its first metric that is a number stands for it."""
        known = self.scores.get(name)
        wanted = [known.metric] if known and known.metric in metrics else [*metrics]
        found = next((each for each in wanted if _is_number(metrics[each])), None)
        if found is None:
            return None
        score = known if known and known.metric == found else Score(found)
        score.add(step, float(metrics[found]))
        self.scores = {**self.scores, name: score}
        return score


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not math.isnan(value)
