"""The first half of a driver: take the directory, put arms into the queue, and announce what was not announced."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.errors import CallsheetError, listed
from callsheet.experiments import search
from callsheet.experiments.driver import again, record, same
from callsheet.experiments.driver.announcing import Announcer
from callsheet.experiments.driver.asked import Asked, as_written
from callsheet.experiments.driver.record import CALLED, RUNNING
from callsheet.experiments.places import LOGS, WORKERS
from callsheet.experiments.queue import Entry, Queue
from callsheet.rundir.rundir import RUN, RunDir

logger = logging.getLogger("callsheet")

# What experiment.json has of an arm before it has run; `results` fills in the rest.
OF_ARM = ("name", "method", "group", "seed", "stage", "after", "trial", "weights", "overrides", "differs", "digest")


class Begun:
    """An experiment whose directory is ours, and whose arms lie in the queue."""

    def __init__(self, asked: Asked) -> None:
        """Raises `CallsheetError`, before anything is written, for what the directory cannot take."""
        self.asked, self.folder = asked, asked.folder
        self.queue = Queue(self.folder)
        found = record.read(self.folder)
        self.is_new = found is None
        self.record = found or asked.record()
        self.there = [] if found is None else [entry for _, entry in self.queue.entries()]
        self.arms = [*asked.arms]
        self.rerun = again.with_heirs(asked.rerun, self.arms)
        if not self.is_new:
            self._require_same()
            search.create(self.folder, asked.settings)
        else:
            same.refuse_occupied(self.folder)
        self._refuse_foreign_runs()

    def open(self) -> None:
        """Write the record and the arms, and announce."""
        self._write()
        search.create(self.folder, self.asked.settings)
        for folder in (LOGS, WORKERS):
            Inside(self.folder, CALLED).make(folder)
        self.queue.make()
        self.queue.finish_moves()
        self.announcer = Announcer(self.folder, self.record, self.asked.plugins(), self.asked.run_config)
        for name in self.rerun:
            search.try_again(self.folder, name, self.asked.settings)
        moved = [*again.rerun(self.rerun, {arm.name: arm for arm in self.arms}, self.queue)]
        for name, aside in moved:
            self._say_again(name, aside)
        added = self._add(self.arms)
        if moved or added:
            self.announcer.reopen()
        self.announcer.begin(arm.group for arm in self.arms if arm.group)
        self._write()

    def add(self, arms: Sequence[Entry]) -> None:
        """More arms of the same experiment, such as those of another seed."""
        self.arms = [*arms]
        self._write()
        self._add(arms)
        self.announcer.begin(arm.group for arm in arms if arm.group)
        self._write()

    def _write(self, **changes: Any) -> None:
        known = {row.get("name"): row for row in self.record.arms}
        self.record.arms = [{**known.get(arm.name, {}), **_row(arm)} for arm in self.arms]
        self.record.status, self.record.ended = RUNNING, None
        self.record.command = self.asked.command
        self.record.settings = as_written(self.asked.settings)
        self.record.write(self.folder)

    def _add(self, arms: Iterable[Entry]) -> bool:
        states = self.queue.states()
        new = [arm for arm in arms if arm.name not in states]
        for arm in new:
            self.queue.add(arm)
        return bool(new)

    def _require_same(self) -> None:
        same.require_version(self.record, self.folder)
        same.require_settings(self.record, as_written(self.asked.settings), self.folder)
        same.require_baseline(self.record, self.arms, self.folder)
        common = self.record.command.overrides, self.asked.command.overrides
        same.require_arms(self.arms, self.there, self.folder, self.rerun, common)
        again.require_idle(self.rerun, self.queue)

    def _refuse_foreign_runs(self) -> None:
        """A worker would take the run for one of its own, and find it complete."""
        known = {*(entry.name for entry in self.there), *(row.get("name") for row in self.record.arms)}
        foreign = [arm.name for arm in self.arms if arm.name not in known and (self.folder / arm.name / RUN).exists()]
        if foreign:
            raise CallsheetError(
                f"{self.folder} holds runs that are no arms of this experiment, and are called so: {listed(foreign)}. "
                f"Move them away, or {same.ANOTHER}"
            )

    def _say_again(self, name: str, aside: Path | None) -> None:
        RunDir(self.folder).event("rerun", arm=name, moved_to=aside and str(aside.relative_to(self.folder)))
        where = f" Its old run is in {aside}." if aside else ""
        logger.info("%s is run again.%s", name, where)


def _row(arm: Entry) -> dict[str, Any]:
    return {name: getattr(arm, name) for name in OF_ARM}
