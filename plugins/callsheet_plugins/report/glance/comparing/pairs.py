"""Two scores, paired by prompt: the interval of their difference, and the answers that flipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from callsheet.errors import counted
from callsheet.experiments.statistics.checkpoints import Answer, CheckpointVerdict, compared, means
from callsheet.experiments.statistics.methods import NONE
from callsheet_plugins.report.gathered import RunData
from callsheet_plugins.report.glance.comparing.sides import labels
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.reading.answers import Answered
from callsheet_plugins.report.reading.scores import Score
from callsheet_plugins.report.scored.answered import NO_SCORES, Answers, graded


@dataclass(frozen=True)
class Flip:
    """A prompt that two checkpoints answered with different scores; `by` is how much more the second one got."""

    prompt: str
    first: str
    second: str
    target: str
    by: float


@dataclass(frozen=True)
class Pair:
    """A score of two runs, which have these places. `verdict` compares the second with the first."""

    label: str
    than: int
    of: int
    verdict: CheckpointVerdict
    flips: Sequence[Flip] = field(default=(), repr=False)
    is_right_or_wrong: bool = True

    @property
    def better(self) -> int:
        """How many answers got more."""
        return sum(flip.by > 0 for flip in self.flips)

    @property
    def worse(self) -> int:
        return sum(flip.by < 0 for flip in self.flips)


def pairs(glances: Sequence[Glance], names: Sequence[str]) -> Iterator[Pair]:
    """Every score of the runs, each with that of the first run; none where only one of the two has it."""
    answers, runs = Answers(), [RunData(glance.path, glance.label) for glance in glances]
    for label in labels(glances):
        first = glances[0].scores.get(label)
        for place in range(1, len(glances)):
            second = glances[place].scores.get(label)
            if first and second:
                found = _pair(answers, (runs[0], first), (runs[place], second), (names[place], names[0]))
                yield replace(found, label=label, than=0, of=place)


def _pair(answers: Answers, than: tuple[RunData, Score], of: tuple[RunData, Score], names: tuple[str, str]) -> Pair:
    for (run, score), name in ((than, names[1]), (of, names[0])):
        if why := answers.why(run, score):
            return Pair("", 0, 0, CheckpointVerdict(*names, NONE, why=f"of {name}, {why}"))
    first, second = answers.of(*than), answers.of(*of)
    before, after = [*graded(first, than[1].metric)], [*graded(second, of[1].metric)]
    for each, name in ((before, names[1]), (after, names[0])):
        if not each:
            return Pair("", 0, 0, CheckpointVerdict(*names, NONE, why=f"of {name}, {NO_SCORES}"))
    verdict = compared(after, before, names=names)
    if not verdict.prompts:
        why = f"they share no prompt: {names[1]} has {counted(len(before), 'answer')}, {names[0]} {len(after)}"
        verdict = replace(verdict, why=why)
    flips = tuple(_flips(_by_id(first), _by_id(second), before, after))
    return Pair("", 0, 0, verdict, flips, all(answer.score in (0, 1) for answer in [*before, *after]))


def _flips(
    first: Mapping[str, Answered], second: Mapping[str, Answered], before: Sequence[Answer], after: Sequence[Answer]
) -> Iterator[Flip]:
    """In the order of the prompts; a prompt that was asked several times counts with its mean."""
    old, new = means(before), means(after)
    for prompt, score in old.items():
        if prompt in new and new[prompt] != score:
            one, other = first[prompt], second[prompt]
            yield Flip(one.prompt, one.answer, other.answer, one.target or other.target, new[prompt] - score)


def _by_id(answers: Sequence[Answered]) -> dict[str, Answered]:
    return {answer.id: answer for answer in answers}
