"""One experiment as the page shows it: its verdict in the words and numbers of `experiment.md`, and charts of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet.errors import counted
from callsheet.experiments.results import verdicts
from callsheet.experiments.results.arms import finals
from callsheet.experiments.results.by_prompt import compared_runs, sentence_of, sentences_of
from callsheet.experiments.results.comparison_rows import method_rows, trial_rows
from callsheet.experiments.results.other_scores import other_scores
from callsheet.experiments.statistics.methods import NONE
from callsheet.results import RAW
from callsheet_plugins.report.figures import arms as drawn
from callsheet_plugins.report.figures.arms import Arm
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.best import best
from callsheet_plugins.report.scored.intervals import over_seeds
from callsheet_plugins.report.scored.metrics import Metric, Scored

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

    from callsheet.experiments.results.summary import Summary

COLUMNS = ("arm", "seeds", "mean ± sd", "difference", "interval", "verdict", "could have shown", "seeds needed")
TRIAL = ("trial", "score", "ended")
MOST_COLUMNS = 20  # for settings of a search
OTHERS = ("score", "arm", "seeds", "mean ± sd")
MOST_ROWS = 200
MOST_DRAWN = 40  # arms of a chart
MOST_SETTINGS = 6  # of a search, that have a chart each


@dataclass(frozen=True)
class Verdict:
    """What fills the template about one experiment."""

    id: str
    name: str
    sentences: list[str]
    notes: list[str]
    rows: Sequence[Sequence[str]] = ()
    trial_columns: Sequence[str] = ()
    trials: Sequence[Sequence[Any]] = ()
    others: Sequence[Sequence[str]] = ()
    missing: Sequence[Sequence[str]] = ()
    figures: Mapping[str, go.Figure] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)


def verdict(summary: Summary, place: int, found: Mapping[Metric, Sequence[Scored]], answers: Answers) -> Verdict:
    """`place` tells apart experiments of one name, `found` is what was scored."""
    rows = [tuple(vars(row).values()) for row in method_rows(summary)]
    id = f"{summary.name}-{place}"
    charts = {f"{id} {name}": found for name, found in _charts(summary)}
    settings = {f"{id} {name}": figure for name, figure in _searched(summary).items()}
    return Verdict(
        id,
        summary.name,
        [*verdicts.sentences_of(summary.verdict, summary.asked)],
        [*_notes(summary, len(rows)), *_best(summary, found, answers)],
        rows[:MOST_ROWS],
        *_trials(summary),
        [row for row in other_scores(summary) if summary.verdict],
        [*summary.missing.items()][:MOST_ROWS],
        {id: figure for id, (figure, _) in charts.items()} | settings,
        {id: caption for id, (_, caption) in charts.items()},
        {each: each.removeprefix(f"{id} ") for each in settings},
    )


def _notes(summary: Summary, rows: int) -> Iterator[str]:
    """What one has to know of the numbers."""
    arms = finals(summary.arms)
    if going_on := sum(not arm.result.status for arm in arms):
        are = "is" if going_on == 1 else "are"
        yield f"{counted(going_on, 'run')} of {len(arms)} {are} not over: what stands here may change."
    if summary.verdict and any(each.verdict != NONE for each in summary.verdict.comparisons):
        yield f"Verdicts compare methods: {verdicts.HOW}, at 5 % over all of them."
    if summary.verdict and summary.verdict.looks:
        yield f"Seeds are added until all is decided, {summary.verdict.looks} at most; the 5 % hold over all looks."
    if summary.best_run:
        yield summary.best_run
    yield from (" ".join(sentences_of(found)) for found in compared_runs(summary))
    if summary.elsewhere:
        yield f"{counted(len(summary.elsewhere), 'run')} scored at another step than most: {_some(summary.elsewhere)}."
    if rows > MOST_ROWS:
        yield f"The table shows {MOST_ROWS} of {rows:,} arms; experiment.json has all."


def _best(summary: Summary, found: Mapping[Metric, Sequence[Scored]], answers: Answers) -> Iterator[str]:
    """The best checkpoint of the run with the best score, as `by_prompt` chooses it."""
    arm = summary.result.best_arm
    benchmark, _, name = (summary.asked.success_metric or "").rpartition(".")
    if arm is None or benchmark not in arm.eval_metrics:
        return
    weights = arm.eval(benchmark).tags.get("weights") or RAW
    for each in found.get(Metric(benchmark, name), ()):
        if each.run.path == arm.run_dir and each.weights == weights:
            chosen = best(each, summary.asked.direction, answers, arm.name)
            yield from [sentence_of(chosen)] if chosen else []


def _charts(summary: Summary) -> Iterator[tuple[str, tuple[go.Figure, str]]]:
    metric, found = summary.asked.success_metric or "", _arms(summary)
    if summary.verdict is None or not found:
        return
    left_out = f" The best {MOST_DRAWN} of {len(found)} arms; the table has all." if len(found) > MOST_DRAWN else ""
    shown = _important(found, summary)
    yield "arms", (drawn.by_arm(metric, shown), f"{metric} of each arm: single seeds, and their mean.{left_out}")
    names = {arm.name for arm in shown}
    decided = [each for each in summary.verdict.comparisons if each.verdict != NONE and each.method in names]
    if decided:
        baseline = summary.verdict.baseline
        caption = f"Difference of each arm from {baseline}. Where an interval excludes zero, a difference was shown."
        yield "differences", (drawn.differences(baseline, decided), caption)


def _arms(summary: Summary) -> list[Arm]:
    """The methods that have a score, in the order of the table."""
    scores: dict[str, dict[str, float]] = {}
    for arm in finals(summary.arms):
        if arm.entry.trial is None and arm.entry.name in summary.scores:
            scores.setdefault(arm.entry.method, {})[arm.entry.name] = summary.scores[arm.entry.name]
    order = [row.method for row in method_rows(summary) if row.method in scores]
    return [_arm(method, scores[method]) for method in order]


def _arm(method: str, scores: Mapping[str, float]) -> Arm:
    values = [*scores.values()]
    return Arm(method, scores, math.fsum(values) / len(values), over_seeds(values))


def _important(found: list[Arm], summary: Summary) -> list[Arm]:
    """The first, which is the baseline, and the best of the others, in their order."""
    sign = 1 if summary.asked.direction == "minimize" else -1
    best = sorted(found[1:], key=lambda arm: sign * arm.mean)[: MOST_DRAWN - 1]
    names = {arm.name for arm in best}
    return [arm for arm in found if arm.name in names or arm is found[0]]


def _searched(summary: Summary) -> dict[str, go.Figure]:
    """The score of trials over each setting that was searched, those of more values first."""
    trials = [arm for arm in summary.arms if arm.entry.trial is not None and arm.entry.name in summary.scores]
    settings = dict.fromkeys(name for arm in trials for name in arm.entry.differs)
    found = {}
    for name in [*settings][:MOST_SETTINGS]:
        rows = [
            (arm.entry.name, _number(arm.entry.differs[name]), summary.scores[arm.entry.name], arm.result.status)
            for arm in trials
            if name in arm.entry.differs
        ]
        found[name] = drawn.trials(summary.asked.success_metric or "", name, rows)
    return found


def _trials(summary: Summary) -> tuple[list[str], list[list[Any]]]:
    """A column for each setting that was searched, and the trials, the best first."""
    differs = {arm.entry.name: arm.entry.differs for arm in summary.arms}
    rows = trial_rows(summary)[:MOST_ROWS]
    settings = [*dict.fromkeys(setting for name, *_ in rows for setting in differs[name])][:MOST_COLUMNS]
    last = Counter(setting.rpartition(".")[2] for setting in settings)
    named = [short if last[short := setting.rpartition(".")[2]] == 1 else setting for setting in settings]
    values = ([_number(differs[name].get(setting)) for setting in settings] for name, *_ in rows)
    return [*TRIAL, *named], [[*row[:3], *of] for row, of in zip(rows, values, strict=True)]


def _number(value: object) -> object:
    """As a number, if the text of an override is one."""
    try:
        number = float(str(value)) if not isinstance(value, bool) else math.nan
    except ValueError:
        return value
    return number if math.isfinite(number) else value


def _some(steps: Mapping[str, int | None], most: int = 5) -> str:
    said = [f"{name} at {step}" for name, step in [*steps.items()][:most]]
    more = [f"{len(steps) - most} more"] if len(steps) > most else []
    return ", ".join([*said, *more])
