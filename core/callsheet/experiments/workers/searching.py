"""The worker's part in a search: values for the arm that it claims, and what came of it for the sampler."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from callsheet.errors import CallsheetError
from callsheet.experiments import search
from callsheet.experiments.expanding.forms import key_of
from callsheet.experiments.queue import Entry
from callsheet.experiments.queue.directory import Settings
from callsheet.experiments.workers.commands import run_dir
from callsheet.results import ArmResult
from callsheet.rundir.rundir import RunDir
from callsheet.session.recorded import arm as run_records

logger = logging.getLogger("callsheet")


def with_values(root: Path, entry: Entry, settings: Settings) -> Entry:
    """`entry` with the values that the sampler chose for it; the same entry where it has them, or needs none.

    Raises `CallsheetError` where the study cannot be used.
    """
    if {*settings.search.space} <= {*map(key_of, entry.overrides)}:
        return entry  # a run may have begun with them, whatever became of the study
    if not (found := search.values(root, entry, settings)):
        return entry
    differs = dict(override.split("=", 1) for override in found)
    return replace(entry, overrides=(*entry.overrides, *found), differs={**entry.differs, **differs})


def tell(root: Path, entry: Entry, status: str, settings: Settings) -> None:
    """Tell the study how an arm ended. What goes wrong is a warning: the arm is over, whatever the sampler learns."""
    if not search.is_used(settings):
        return
    try:
        search.tell(root, entry.name, _score(root, entry, settings), status, settings)
    except (CallsheetError, OSError) as error:
        logger.warning("The search does not learn how %s ended: %s", entry.name, error)


def _score(root: Path, entry: Entry, settings: Settings) -> float | None:
    if settings.success_metric is None:
        return None
    try:
        arm = ArmResult(entry.name, weights=entry.weights)
        found = run_records.recorded(arm, RunDir(run_dir(root, entry.name), is_main=False))
        return found.score(settings.success_metric)
    except (CallsheetError, OSError, KeyError):  # it has no such score, which its results will say
        return None
