"""The answers behind scores, each file read once and only so much of all: their scores as verdicts take them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError
from callsheet.experiments.results.answers import SCORES
from callsheet.experiments.statistics.checkpoints import Answer
from callsheet_plugins.report.reading.answers import Answered, answers
from callsheet_plugins.report.scored import intervals
from callsheet_plugins.report.scored.intervals import Interval

if TYPE_CHECKING:
    from pathlib import Path

    from callsheet_plugins.report.gathered import RunData, Score

MOST_BYTES = 48 << 20  # of all files
MOST_FILES = 200
NONE_KEPT = "no answers were kept"
GONE = "its answers are gone, or cannot be read"
TOO_MANY = "its answers were not read, since there are too many"
NO_SCORES = "its answers hold no score of their own"


@dataclass
class Answers:
    """Reads files of answers until `most` bytes are read. Ask for the important ones first."""

    most: int = MOST_BYTES
    _read: dict[tuple[Path, str], list[Answered]] = field(default_factory=dict)

    def of(self, run: RunData, score: Score) -> list[Answered]:
        """None where `why` says so."""
        return [] if self.why(run, score) else self._read[run.path, score.predictions or ""]

    def why(self, run: RunData, score: Score) -> str:
        """Why there are no answers behind a score; empty where there are some."""
        if score.predictions is None:
            return NONE_KEPT
        place = run.path, score.predictions
        if place not in self._read:
            size = _size(run, score.predictions)
            if size > self.most or len(self._read) >= MOST_FILES:
                return TOO_MANY
            self.most -= size
            self._read[place] = answers(run, score)
        return "" if self._read[place] else GONE

    def graded(self, run: RunData, score: Score) -> list[Answer]:
        """Their scores for the metric of `score`, as `statistics.checkpoints` takes them."""
        return [*graded(self.of(run, score), score.metric)]

    def sure(self, run: RunData, score: Score) -> Interval:
        """How sure `score` is by its answers."""
        if why := self.why(run, score):
            return Interval(why=why)
        found = self.graded(run, score)
        return intervals.of_answers(found, score.value) if found else Interval(why=NO_SCORES)


def graded(found: list[Answered], metric: str) -> Iterator[Answer]:
    """One for each answer that has a finite score of `metric`; of `task/metric`, those of the task alone."""
    task, _, name = metric.rpartition("/")
    for answer in found:
        value = _score(answer, name)
        if math.isfinite(value) and answer.id.startswith(f"{task}:" if task else ""):
            yield Answer(answer.id, value, answer.cluster)


def _score(answer: Answered, metric: str) -> float:
    names = (metric, metric.partition(",")[0], *SCORES)
    return next((answer.scores[name] for name in names if name in answer.scores), math.nan)


def _size(run: RunData, file: str) -> int:
    try:
        found = run.inside.stat(file)
    except (CallsheetError, OSError):
        return 0  # reading it will say why
    return found.st_size if found else 0
