"""The hooks of an experiment, called in its driver: each exactly once, however often the driver is killed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.experiments.driver.record import Record
from callsheet.hooks import Plugin
from callsheet.plugins.lineup import Lineup
from callsheet.records import LogContext
from callsheet.results import ExperimentResult
from callsheet.rundir.rundir import EVENTS, RunDir, now
from callsheet.secrets import redact
from callsheet.values import plain

ANNOUNCED = "announced"
START, GROUP, END = "on_experiment_start", "on_group_start", "on_experiment_end"
NO_OUTBOX = "an experiment has no outbox: put it in a hook of a run, such as on_run_end"


class _NoOutbox:
    """What `ctx.outbox` is in the driver: nobody would carry out what is put there."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(NO_OUTBOX)


class Announcer:
    """Calls the hooks of an experiment for plugins of its driver, and writes down each that has returned.

    A line of `events.jsonl` says so, with the ids that plugins have left by then: it is there at once, and whole or not
    at all, whatever becomes of the driver.
    """

    def __init__(
        self, folder: Path, record: Record, plugins: Mapping[str, Plugin], run_config: Mapping[str, Any]
    ) -> None:
        self.record = record
        self.events = RunDir(folder)
        self._take_up()
        self.lineup = Lineup(plugins, log=self.events.event)
        self.ctx = LogContext(
            folder, record.name, folder.name, dict(run_config), {"experiment_id": record.experiment_id, **record.ids}
        )
        self.ctx.outbox = _NoOutbox()  # type: ignore[assignment]  # it refuses everything an outbox does

    def begin(self, groups: Iterable[str]) -> None:
        """Announce the experiment and each of its groups, those that were not announced before."""
        if START not in self.record.announced:
            self.lineup.hooks.on_experiment_start(ctx=self.ctx)
            self._note(START)
        for group in dict.fromkeys(groups):
            if (done := f"{GROUP}:{group}") not in self.record.announced:
                self.ctx.group_name = group
                self.lineup.hooks.on_group_start(ctx=self.ctx, group_name=group)
                self._note(done)
        self.ctx.group_name = None

    def end(self, result: ExperimentResult) -> None:
        """Announce the end, once; arms that are added later, or run again, begin another end."""
        if END not in self.record.announced:
            self.lineup.hooks.on_experiment_end(ctx=self.ctx, result=result)
            self._note(END)

    def reopen(self) -> None:
        """Let the experiment end once more, since arms were added to it, or are run again."""
        if END in self.record.announced:
            self._write(END, again=True)
            self.record.announced.remove(END)

    def _note(self, done: str) -> None:
        self.record.announced.append(done)
        self.record.ids = {name: str(value) for name, value in self.ctx.ids.items()}
        self._write(done)

    def _write(self, done: str, **more: Any) -> None:
        row = {"time": now(), "event": ANNOUNCED, "hook": done, "ids": self.record.ids, **more}
        self.events.append(EVENTS, redact(plain(row)))

    def _take_up(self) -> None:
        """What a driver before this one has announced, and was killed before it could write `experiment.json`."""
        for row in _announced(self.events):
            if row.get("again"):
                self.record.announced = [done for done in self.record.announced if done != row["hook"]]
            elif row["hook"] not in self.record.announced:
                self.record.announced.append(row["hook"])
            self.record.ids = row["ids"]


def _announced(events: RunDir) -> Iterator[dict[str, Any]]:
    rows = events.rows(EVENTS, holding=f'"{ANNOUNCED}"')
    return (row for row in rows if isinstance(row.get("hook"), str) and isinstance(row.get("ids"), dict))
