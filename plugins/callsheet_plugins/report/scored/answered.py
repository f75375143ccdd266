"""The answers behind scores, each file read once and only so much of all: their scores as verdicts take them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError
from callsheet.experiments.results.answers import score_names
from callsheet.experiments.statistics.checkpoints import Answer
from callsheet_plugins.report.reading.answers import Answered, answers
from callsheet_plugins.report.scored import intervals, kept
from callsheet_plugins.report.scored.intervals import Interval
from callsheet_plugins.report.scored.kept import File

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData, Score

Place = tuple[Path, str]
MOST_BYTES = 64 << 20  # of all files
MOST_FILES = 200
MOST_ANSWERS = 150_000  # which take some two seconds
NONE_KEPT = "no answers were kept"
GONE = "its answers are gone, or cannot be read"
TOO_MANY = "its answers were not read, since there are too many"
NO_SCORES = "its answers hold no score of their own"


@dataclass
class Answers:
    """Reads files of answers until `most` bytes, or very many answers, are read. Ask for the important ones first."""

    most: int = MOST_BYTES
    _left: int = MOST_ANSWERS
    _read: dict[Place, list[Answered]] = field(default_factory=dict)
    _files: dict[Place, File] = field(default_factory=dict)

    def of(self, run: RunData, score: Score) -> list[Answered]:
        """None where `why` says so."""
        return [] if self.why(run, score) else self._read[_place(run, score)]

    def why(self, run: RunData, score: Score) -> str:
        """Why there are no answers behind a score; empty where there are some."""
        if score.predictions is None:
            return NONE_KEPT
        place = _place(run, score)
        if place not in self._read:
            found = _stat(run, score.predictions)
            if found.size > self.most or self._left <= 0 or len(self._read) >= MOST_FILES:
                return TOO_MANY
            self._files[place], self._read[place] = found, kept.of(found, lambda: answers(run, score))
            self.most -= found.size
            self._left -= len(self._read[place])
        return "" if self._read[place] else GONE

    def graded(self, run: RunData, score: Score) -> list[Answer]:
        """Their scores for the metric of `score`, as `statistics.checkpoints` takes them."""
        return [*graded(self.of(run, score), score.metric)]

    def sure(self, run: RunData, score: Score) -> Interval:
        """How sure `score` is by its answers."""
        if why := self.why(run, score):
            return Interval(why=why)
        about = self._files[_place(run, score)], score.metric, score.value
        return kept.interval(about, lambda: self._interval(run, score))

    def _interval(self, run: RunData, score: Score) -> Interval:
        found = self.graded(run, score)
        return intervals.of_answers(found, score.value) if found else Interval(why=NO_SCORES)


def graded(found: list[Answered], metric: str) -> Iterator[Answer]:
    """One for each answer that has a finite score of `metric`; of `task/metric`, those of the task alone."""
    task, _, name = metric.rpartition("/")
    of_task = [answer for answer in found if task and answer.id.startswith(f"{task}:")]
    field = _field(of_task or found, name if of_task else metric)
    for answer in of_task or found:
        value = answer.scores.get(field, math.nan)
        if math.isfinite(value):
            yield Answer(answer.id, value, answer.cluster)


def _field(found: Iterable[Answered], metric: str) -> str:
    """Under which name the answers have their scores for `metric`."""
    known = {name for answer in found for name in answer.scores}
    return next((name for name in score_names(metric) if name in known), metric)


def _place(run: RunData, score: Score) -> Place:
    return run.path, score.predictions or ""


def _stat(run: RunData, file: str) -> File:
    try:
        found = run.inside.stat(file)
    except (CallsheetError, OSError):
        found = None  # reading it will say why
    return File(run.path, file, found.st_size if found else 0, found.st_mtime_ns if found else 0)
