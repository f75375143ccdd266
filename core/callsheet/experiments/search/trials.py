"""The arms of an experiment as trials of its study: values for an arm that has none, and how it ended."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.experiments.places import JOURNAL
from callsheet.experiments.search import samplers
from callsheet.experiments.search import space as spaces
from callsheet.experiments.search.journal import Journal, opened
from callsheet.experiments.search.refusals import damage, explained
from callsheet.experiments.search.settings import Searched, is_used

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from callsheet.experiments.arms import Arm

SCORED = ("completed", "stopped")


def create(directory: Path, settings: Searched) -> None:
    """Make the study of an experiment that needs one, or read the one that is there; by the driver.

    Raises `CallsheetError` for a study of another direction, and for a damaged journal, with its line.
    """
    if is_used(settings):
        with explained(directory / JOURNAL):
            _journal(directory, settings)
        if said := damage(directory / JOURNAL):  # in the last line, which Optuna passes over until another one follows
            raise CallsheetError(f"{said} Remove it.")


def values(directory: Path, arm: Arm, settings: Searched) -> tuple[str, ...]:
    """The overrides that the sampler chooses for `arm`, for the worker that claims it; none for one not searched.

    An arm that has values already gets the same ones, also where its worker was killed between two of them. Raises
    `CallsheetError` for a journal that cannot be used.
    """
    space = settings.search.space
    if arm.trial is None or not space:
        return ()
    with explained(directory / JOURNAL):
        journal = _journal(directory, settings)
        trial = journal.latest(arm.name) or journal.begin(arm.name)
        found = trial.params if {*trial.params} >= {*space} else _asked(journal, trial, settings)
    return spaces.overrides(spaces.meant(space, found))


def tell(directory: Path, arm: str, score: float | None, status: str, settings: Searched) -> None:
    """Tell the study how the arm named `arm` ended, which its sampler learns from; by the worker.

    `status` is that of the arm's queue file. Nothing happens for an arm that was told before, one that halving stopped,
    which its run has told, one without a trial, and an interrupted one. Raises `CallsheetError` as `values` does.
    """
    if not is_used(settings) or status == "interrupted" or not (directory / JOURNAL).exists():
        return
    with explained(directory / JOURNAL):
        journal = _journal(directory, settings)
        trial = journal.latest(arm)
        if trial and not trial.state.is_finished():
            journal.study.tell(trial.number, **_ending(score, status))


def try_again(directory: Path, arm: str, settings: Searched) -> None:
    """Give the arm named `arm`, which is to begin at its first step again, a new trial with its old values."""
    if is_used(settings):
        with explained(directory / JOURNAL):
            journal = _journal(directory, settings)
            before = journal.latest(arm)
            if before and before.state.is_finished():
                journal.begin(arm, before)


def _journal(directory: Path, settings: Searched) -> Journal:
    """With a sampler that does nothing when a trial is over; others then stop a loop of Optuna's own, and fail here."""
    from optuna.samplers import RandomSampler

    return opened(directory / JOURNAL, settings.direction, sampler=RandomSampler())


def _asked(journal: Journal, trial: FrozenTrial, settings: Searched) -> dict[str, Any]:
    """What the sampler chooses for `trial`; values that it has already stay."""
    journal.study.sampler = samplers.made(settings.search, trial.number)
    asked = journal.trial(trial.number)
    return {name: spaces.suggest(asked, name, axis) for name, axis in settings.search.space.items()}


def _ending(score: float | None, status: str) -> dict[str, Any]:
    from optuna.trial import TrialState

    is_scored = status in SCORED and score is not None and not math.isnan(score)
    return {"values": score} if is_scored else {"state": TrialState.FAIL}
