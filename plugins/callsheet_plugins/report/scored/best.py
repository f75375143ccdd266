"""The best checkpoint of a single run, chosen on one half of the prompts and reported on the other."""

from __future__ import annotations

from callsheet.experiments.results.by_prompt import FEWEST_STEPS, Best
from callsheet.experiments.statistics import checkpoints
from callsheet.experiments.statistics.selection import best_of
from callsheet.results import RAW
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.intervals import agree
from callsheet_plugins.report.scored.metrics import Scored


def best(found: Scored, direction: str, answers: Answers, name: str = "") -> Best | None:
    """Of its steps; None where fewer than two have answers that average to the score."""
    graded = [(score, checkpoints.means(answers.graded(found.run, score))) for score in found.steps if score.step]
    by_step = {str(score.step): means for score, means in graded if agree(means.values(), score.value)}
    chosen = best_of(by_step, direction=direction) if len(by_step) >= FEWEST_STEPS else None
    label = found.run.label if found.weights == RAW else f"{found.run.label} ({found.weights})"
    return Best(name or label, int(chosen.checkpoint), chosen) if chosen else None
