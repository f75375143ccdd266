"""The study of an experiment: one file of JSON lines that every worker and every run appends to."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.disk.regular import open_regular, shown
from callsheet.errors import CallsheetError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial, Trial

STUDY = "experiment"  # its name inside the journal
ARM = "arm"  # the attribute of a trial that says whose it is
MISSING = "needs the package optuna: pip install 'callsheet[search]'"


@dataclass
class Journal:
    """The study in the file `path`, and its trials by the name of their arm."""

    path: Path
    storage: JournalStorage
    study: Study

    def latest(self, arm: str) -> FrozenTrial | None:
        """The newest trial of `arm`; an arm that is tried again has several."""
        trials = self.study.get_trials(deepcopy=False)
        return next((trial for trial in reversed(trials) if trial.user_attrs.get(ARM) == arm), None)

    def begin(self, arm: str, before: FrozenTrial | None = None) -> FrozenTrial:
        """A new running trial of `arm`, with the values of the one `before`.

        It is one line of the journal, so that no kill leaves a trial of nobody.
        """
        from optuna.trial import TrialState, create_trial

        params, kinds = (before.params, before.distributions) if before else ({}, {})
        made = create_trial(state=TrialState.RUNNING, user_attrs={ARM: arm}, params=params, distributions=kinds)
        self.study.add_trial(made)
        latest = self.latest(arm)
        assert latest is not None, "it was added in this moment"
        return latest

    def trial(self, number: int) -> Trial:
        """The trial `number`, to report to and to ask for values."""
        from optuna.trial import Trial

        study = self.storage.get_study_id_from_name(STUDY)
        return Trial(self.study, self.storage.get_trial_id_from_study_id_trial_number(study, number))


def opened(path: Path, direction: str, **parts: Any) -> Journal:
    """The journal `path`, with its study for `direction`, maximize or minimize; both are made if they are not there.

    `parts` are the sampler and the pruner. Raises `CallsheetError` for a study of another direction, OSError for what
    is no regular file, and what Optuna raises: KeyError and ValueError among others, for a damaged journal.
    """
    storage = _storage(path)
    study = _study(storage, direction, **parts)
    own = study.direction.name.lower()
    if own != direction:
        raise CallsheetError(
            f"{shown(path)} belongs to an experiment with direction: {own}, and this one has direction: {direction}. "
            "Give the experiment another name, or its old direction."
        )
    return Journal(path, storage, study)


def _storage(path: Path) -> JournalStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from callsheet.experiments.search.locking import MendingLock

    _refuse_irregular(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=MendingLock(str(path))))


def _refuse_irregular(path: Path) -> None:
    """Raise OSError if `path` is a link, a folder, a FIFO or the like: Optuna would open it, and perhaps wait."""
    try:
        os.close(open_regular(path))
    except FileNotFoundError:
        return


def _study(storage: JournalStorage, direction: str, **parts: Any) -> Study:
    import optuna

    try:
        return optuna.load_study(study_name=STUDY, storage=storage, **parts)
    except KeyError:
        made: dict[str, Any] = {"study_name": STUDY, "storage": storage, "direction": direction, "load_if_exists": True}
        with quiet():
            return optuna.create_study(**made, **parts)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the lines that Optuna prints for a new study; the level that somebody chose comes back."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
