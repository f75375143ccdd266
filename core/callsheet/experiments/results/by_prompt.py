"""What answers say beside the verdict: two single runs, prompt by prompt, and the best of one run's checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from callsheet.errors import counted
from callsheet.experiments.results.answers import answers_by_step, last_answers
from callsheet.experiments.results.arms import finals
from callsheet.experiments.results.summary import Summary
from callsheet.experiments.results.verdicts import number
from callsheet.experiments.statistics import checkpoints
from callsheet.experiments.statistics.checkpoints import CheckpointVerdict
from callsheet.experiments.statistics.methods import BETTER, NONE, NOT_SHOWN, WORSE
from callsheet.experiments.statistics.selection import Chosen, best_of
from callsheet.results import ArmResult

MOST = 5  # pairs of runs that are compared
FEWEST_STEPS = 2


@dataclass(frozen=True)
class ByPrompt:
    """What the answers of an experiment's runs say."""

    compared: tuple[CheckpointVerdict, ...] = ()
    best: Best | None = None

    @property
    def sentences(self) -> Iterator[str]:
        """A paragraph for each pair of runs, and one for the best checkpoint."""
        yield from (" ".join(sentences_of(each)) for each in self.compared)
        if self.best:
            yield sentence_of(self.best)


@dataclass(frozen=True)
class Best:
    """The best checkpoint of one run, chosen on one half of the prompts and reported on the other."""

    arm: str
    step: int
    chosen: Chosen


def by_prompt(summary: Summary) -> ByPrompt:
    """Read the answers that are there; a run without any is left out."""
    return ByPrompt(tuple(compared_runs(summary)), best_checkpoint(summary))


def compared_runs(summary: Summary) -> list[CheckpointVerdict]:
    """Of each method with too few seeds for a verdict, the first run against the baseline's of the same seed."""
    verdict, metric = summary.verdict, summary.asked.success_metric
    if verdict is None or metric is None:
        return []
    runs = {(arm.entry.method, arm.entry.seed): arm.result for arm in finals(summary.arms)}
    undecided = [each.method for each in verdict.comparisons if each.verdict == NONE and each.pairs][:MOST]
    pairs = [pair for method in undecided if (pair := _pair(runs, method, verdict.baseline, summary.scores))]
    found = []
    for of, than in pairs:
        answers = last_answers(of, metric), last_answers(than, metric)
        if all(answers):
            names = of.name, than.name
            found.append(checkpoints.compared(*answers, names=names, direction=summary.asked.direction))
    return found


def best_checkpoint(summary: Summary) -> Best | None:
    """That of the run with the best score, if answers of several of its steps are there."""
    arm, metric = summary.result.best_arm, summary.asked.success_metric
    if arm is None or metric is None:
        return None
    scores = {str(step): checkpoints.means(answers) for step, answers in answers_by_step(arm, metric).items() if step}
    chosen = best_of(scores, direction=summary.asked.direction) if len(scores) >= FEWEST_STEPS else None
    return Best(arm.name, int(chosen.checkpoint), chosen) if chosen else None


def sentences_of(found: CheckpointVerdict) -> Iterator[str]:
    """What was found, and what it is about."""
    about = f"{found.of} and {found.than}, prompt by prompt"
    over = counted(found.prompts, "prompt", form=",")
    if found.clusters != found.prompts:
        over += f" in {counted(found.clusters, 'cluster', form=',')}"
    if found.verdict in (BETTER, WORSE, NOT_SHOWN) and found.interval is not None:
        low, high = (number(end, sign=True) for end in found.interval)
        said = NOT_SHOWN if found.verdict == NOT_SHOWN else f"the first is {found.verdict}"
        yield f"{about}: {said}, {number(found.difference, sign=True)} (95 % from {low} to {high}), over {over}."
    else:
        yield f"{about}: no verdict, {found.why}."
    yield "This compares two checkpoints, not two methods: another seed may turn it round."


def sentence_of(best: Best) -> str:
    chosen = best.chosen
    interval = chosen.interval and f" (95 % from {number(chosen.interval[0])} to {number(chosen.interval[1])})"
    return (
        f"Of {chosen.of} checkpoints of {best.arm}, step {best.step} is the best on {chosen.chosen_on:,} prompts. "
        f"On the {chosen.reported_on:,} others it scores {number(chosen.score)}{interval or ''}. The best score on all "
        f"prompts is {number(chosen.naive)}, and flatters: it is the best of {chosen.of}."
    )


def _pair(
    runs: Mapping[tuple[str, int | None], ArmResult], method: str, baseline: str, scores: Mapping[str, float]
) -> tuple[ArmResult, ArmResult] | None:
    for (of, seed), arm in runs.items():
        other = runs.get((baseline, seed))
        if of == method and other and arm.name in scores and other.name in scores:
            return arm, other
    return None
