"""The answers of several checkpoints to the same prompts: a row for each prompt, a column for each checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from callsheet.experiments.statistics import checkpoints
from callsheet.experiments.statistics.checkpoints import Answer
from callsheet_plugins.report.flipped.columns import Column
from callsheet_plugins.report.scored.answered import Answers

if TYPE_CHECKING:
    import numpy.typing as npt

    from callsheet_plugins.report.reading.answers import Answered

MOST_SAMPLES = 4  # answers to one prompt that are shown
BETWEEN = "\n⋯\n"  # answers to one prompt


@dataclass
class Row:
    """One prompt. `answers` are by column, None where that has none."""

    prompt: str
    target: str
    answers: list[str | None]


@dataclass
class Asked:
    """`graded` are the scores of each column, as `statistics.checkpoints` takes them."""

    columns: Sequence[Column]
    graded: list[list[Answer]]
    rows: dict[str, Row] = field(default_factory=dict)

    @cached_property
    def scores(self) -> npt.NDArray[np.float64]:
        """By column and prompt; NaN where a column has none."""
        places = {prompt: at for at, prompt in enumerate(self.rows)}
        found = np.full((len(self.columns), len(places)), math.nan)
        for column, answers in enumerate(self.graded):
            means = checkpoints.means(answers)
            found[column, [places[prompt] for prompt in means]] = [*means.values()]
        return found

    @cached_property
    def is_right_or_wrong(self) -> bool:
        """Whether each score is 0 or 1."""
        known = self.scores[~np.isnan(self.scores)]
        return bool(np.isin(known, (0.0, 1.0)).all())


def asked(columns: Sequence[Column], answers: Answers) -> Asked:
    graded = [answers.graded(column.run, column.score) for column in columns]
    made = Asked(columns, graded)
    for place, column in enumerate(columns):
        wanted = {answer.prompt for answer in graded[place]}
        said: dict[str, list[str]] = {}
        for answer in answers.of(column.run, column.score):
            if answer.id in wanted:
                _row(made, answer)
                said.setdefault(answer.id, []).append(answer.answer)
        for prompt, texts in said.items():
            made.rows[prompt].answers[place] = BETWEEN.join(_some(texts))
    return made


def _row(made: Asked, answer: Answered) -> None:
    if answer.id not in made.rows:
        made.rows[answer.id] = Row(answer.prompt, answer.target, [None] * len(made.columns))


def _some(texts: Sequence[str]) -> Iterator[str]:
    different = [*dict.fromkeys(texts)]
    yield from different[:MOST_SAMPLES]
    if (more := len(different) - MOST_SAMPLES) > 0:
        yield f"{more:,} more"
