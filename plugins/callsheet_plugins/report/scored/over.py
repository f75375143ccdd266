"""Scores over checkpoints: a chart for each of the important metrics, and a table of all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.errors import counted
from callsheet.experiments.results.by_prompt import Best, sentence_of
from callsheet_plugins.report.figures.scores import MOST_SURE, Star, over_steps
from callsheet_plugins.report.scored import lines as lining
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.best import best
from callsheet_plugins.report.scored.lines import Line
from callsheet_plugins.report.scored.metrics import Metric, Scored, direction

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

    from callsheet_plugins.report.gathered import Report

MOST_CHARTS = 16
MOST_LINES = 12  # of a chart
MOST_BEST = 4  # lines of a metric whose best checkpoint is said


@dataclass(frozen=True)
class Chart:
    """One metric: its figure, and what is said below it."""

    metric: str
    figure: go.Figure
    caption: str
    notes: list[str]


def charts(found: Mapping[Metric, Sequence[Scored]], report: Report, answers: Answers) -> list[Chart]:
    """Those of the first metrics that have a score at some step."""
    made: list[Chart] = []
    for metric, scored in found.items():
        if len(made) == MOST_CHARTS:
            break
        if any(each.steps for each in scored):
            made.append(_chart(metric, scored, report, answers, is_first=not made))
    return made


def _chart(metric: Metric, scored: Sequence[Scored], report: Report, answers: Answers, *, is_first: bool) -> Chart:
    towards = direction(metric, report.experiments)
    every = _in_order(lining.lines(scored, answers.sure), report)
    shown = _important(every, towards, report)
    single = [each for each in scored if each.steps and not each.run.experiment_id]
    bests = [*_bests(single, towards, answers)] if is_first else []
    star = _star(bests, towards) if len({each.run.path for each in single}) == 1 == len({*map(_run, scored)}) else None
    groups = [*dict.fromkeys(map(lining.group_of, report.runs))]
    notes = [sentence_of(found) for found in bests]
    if len(shown) < len(every):
        notes.append(f"The {len(shown)} best of {len(every):,} lines are drawn; the table below has all.")
    notes += lining.same(shown)
    return Chart(
        metric.short, over_steps(metric.short, shown, star, groups), _caption(metric, shown), [*notes, *_without(every)]
    )


def _caption(metric: Metric, found: Sequence[Line]) -> str:
    by_seed = any(line.runs > 1 for line in found)
    by_prompt = any(line.runs == 1 and any(point.low is not None for point in line.points) for line in found)
    means = " Lines are means over seeds, dots single runs." if by_seed else ""
    said = {
        (True, True): "over seeds, or of a single run over prompts",
        (True, False): "over seeds",
        (False, True): "over prompts",
    }.get((by_seed, by_prompt))
    where = " They stand in the numbers below." if len(found) > MOST_SURE else ""
    return f"{metric.short} at the steps that were scored.{means}" + (
        f" Intervals hold at 95 %, {said}.{where}" if said else ""
    )


def _without(found: Sequence[Line]) -> Iterable[str]:
    """Why points have no interval, most of them first."""
    reasons: dict[str, int] = {}
    for point in (point for line in found if line.runs == 1 for point in line.points if point.low is None):
        why = point.made_of.removeprefix("no interval: ")
        reasons[why] = reasons.get(why, 0) + 1
    for why, count in sorted(reasons.items(), key=lambda item: -item[1]):
        yield f"{counted(count, 'score')} without an interval: {why}."


def _bests(single: Sequence[Scored], towards: str, answers: Answers) -> Iterable[Best]:
    for each in single[:MOST_BEST]:
        if found := best(each, towards, answers):
            yield found


def _star(found: Sequence[Best], towards: str) -> Star | None:
    if not found:
        return None
    sign = 1 if towards == "maximize" else -1
    top = max(found, key=lambda each: sign * each.chosen.naive)
    low, high = top.chosen.interval or (None, None)
    return Star(top.step, top.chosen.score, low, high)


def _in_order(found: Sequence[Line], report: Report) -> list[Line]:
    """The baseline of an experiment first, then its arms in the order of its file."""
    if len(report.experiments) != 1:
        return [*found]
    (summary,) = report.experiments
    methods = [*_baselines(report), *dict.fromkeys(arm.entry.method for arm in summary.arms)]
    place = {method: at for at, method in reversed([*enumerate(methods)])}
    return sorted(found, key=lambda line: place.get(line.group.partition(" · ")[0], len(place)))


def _baselines(report: Report) -> list[str]:
    """As the groups of runs are called."""
    several = len(report.experiments) > 1
    judged = [(summary, summary.verdict) for summary in report.experiments if summary.verdict]
    return [f"{summary.name}/{verdict.baseline}" if several else verdict.baseline for summary, verdict in judged]


def _important(found: Sequence[Line], towards: str, report: Report) -> list[Line]:
    """Baselines, and those with the best last score, in their order."""
    sign = -1 if towards == "maximize" else 1
    baselines = _baselines(report)

    def place(line: Line) -> tuple[bool, bool, float]:
        known = math.isfinite(line.last)
        return line.group not in baselines, not known, sign * line.last if known else 0.0

    ranked = sorted(found, key=place)
    names = {line.name for line in ranked[:MOST_LINES]}
    return [line for line in found if line.name in names]


def _run(scored: Scored) -> object:
    return scored.run.path
