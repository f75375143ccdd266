"""Cost: how long each hook of each plugin took."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from callsheet_plugins.report.figures import cost as drawing
from callsheet_plugins.report.figures.costs import Cost, costs, has_costs, share_of, totals
from callsheet_plugins.report.page.section import Section

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report

ONE = ("plugin", "hook", "seconds", "% of the run", "calls", "slowest call, s")
MANY = ("plugin", "hook", "mean seconds", "mean % of the run", "mean calls", "slowest call, s")
DRAWN = 30  # plugins


def section(report: Report) -> Section | None:
    """None where no run has written down what its plugins cost, which it does when an attempt ends."""
    found = costs(report.runs)
    if not found:
        return None
    has = sum(map(has_costs, report.runs))
    is_one, has_failed = len(report.runs) == 1, any(cost.failures for cost in found)
    plugins = list(totals(found))[:DRAWN]
    unit = "seconds" if is_one else "mean seconds of a run"
    return Section(
        "cost",
        "Cost of plugins",
        "cost.html.jinja",
        {
            "is_one": is_one,
            "runs": len(report.runs),
            "has": has,
            "shares": _shares(report),
            "longest": _longest(found),
            "undrawn": len(totals(found)) - len(plugins),
            "failed": [cost for cost in found if cost.failures],
            "columns": [*(ONE if is_one else MANY), *(["failures"] * has_failed), *([] if is_one else ["runs"])],
            "rows": [_row(cost, is_one=is_one, has_failed=has_failed) for cost in found],
        },
        {"seconds": drawing.figure([cost for cost in found if cost.plugin in plugins], unit)},
    )


def _shares(report: Report) -> list[float]:
    """Of each run that says it, what all plugins took, in percent; ascending."""
    shares = [100 * share_of(run) for run in report.runs if has_costs(run)]
    return sorted(share for share in shares if isfinite(share))


def _longest(found: Sequence[Cost]) -> tuple[str, float] | None:
    """The plugin that took the longest, and its percent of the run."""
    first = [cost for cost in found if cost.plugin == found[0].plugin]
    shares = [cost.share for cost in first if cost.share is not None]
    return (found[0].plugin, 100 * sum(shares)) if shares else None


def _row(cost: Cost, *, is_one: bool, has_failed: bool) -> list[Any]:
    share = None if cost.share is None else 100 * cost.share
    calls = int(cost.calls) if cost.calls.is_integer() else cost.calls
    row = [cost.plugin, cost.hook, cost.seconds, share, calls, cost.slowest]
    return row + [cost.failures] * has_failed + ([] if is_one else [cost.runs])
