"""What plugins cost: the seconds of each hook, as means over runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData


@dataclass(frozen=True)
class Cost:
    """A hook of a plugin: `seconds`, `calls` and `share` of the run's time are means over the `runs` that called it.

    `slowest` is the slowest call of all, `failures` are those of all runs. `share` is None where no run says how long
    it took.
    """

    plugin: str
    hook: str
    seconds: float
    share: float | None
    calls: float
    slowest: float
    failures: int
    runs: int


@dataclass(frozen=True)
class _Called:
    """A hook in one run."""

    seconds: float
    share: float | None
    calls: float
    slowest: float
    failures: int


def costs(runs: Sequence[RunData]) -> list[Cost]:
    """Each hook that a run called, the plugins that took the longest first, and so are their hooks."""
    found: dict[tuple[str, str], list[_Called]] = {}
    for run in runs:
        for plugin, hook, called in _called(run):
            found.setdefault((plugin, hook), []).append(called)
    all_costs = [_mean(plugin, hook, of) for (plugin, hook), of in found.items()]
    total = totals(all_costs)
    return sorted(all_costs, key=lambda cost: (-total[cost.plugin], cost.plugin, -cost.seconds, cost.hook))


def totals(found: Sequence[Cost]) -> dict[str, float]:
    """The seconds of each plugin."""
    total: dict[str, float] = {}
    for cost in found:
        total[cost.plugin] = total.get(cost.plugin, 0.0) + cost.seconds
    return total


def has_costs(run: RunData) -> bool:
    return any(True for _ in _called(run))


def share_of(run: RunData) -> float:
    """The share of the run's time that all plugins took; NaN where it does not say how long it took."""
    return sum(math.nan if called.share is None else called.share for _, _, called in _called(run))


def _called(run: RunData) -> Iterator[tuple[str, str, _Called]]:
    """What is damaged is left out: `run.json` may come from anywhere."""
    outcome = run.record.get("outcome")
    took = _number(outcome.get("seconds")) if isinstance(outcome, Mapping) else 0.0
    for plugin, hooks in _items(run.cost):
        for hook, cost in _items(hooks):
            if isinstance(cost, Mapping) and _number(cost.get("calls")):
                seconds = _number(cost.get("seconds"))
                share = seconds / took if took else None
                slowest, failures = _number(cost.get("slowest")), int(_number(cost.get("failures")))
                yield plugin, hook, _Called(seconds, share, _number(cost.get("calls")), slowest, failures)


def _items(content: object) -> list[tuple[str, object]]:
    return [(str(key), value) for key, value in content.items()] if isinstance(content, Mapping) else []


def _number(value: object) -> float:
    if isinstance(value, (int, float)) and math.isfinite(value) and value > 0:
        return float(value)
    return 0.0


def _mean(plugin: str, hook: str, of: Sequence[_Called]) -> Cost:
    shares = [one.share for one in of if one.share is not None]
    return Cost(
        plugin,
        hook,
        sum(one.seconds for one in of) / len(of),
        sum(shares) / len(shares) if shares else None,
        sum(one.calls for one in of) / len(of),
        max(one.slowest for one in of),
        sum(one.failures for one in of),
        len(of),
    )
