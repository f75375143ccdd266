"""A report that is made again and again: what has not changed since is not read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from callsheet.experiments.results import summary
from callsheet.experiments.results.summary import Summary
from callsheet_plugins.report.gathered import Report, RunData, report_of
from callsheet_plugins.report.reading.discover import Found, discover
from callsheet_plugins.report.serving import stamps
from callsheet_plugins.report.serving.stamps import Stamp

T = TypeVar("T")


class Kept:
    """The runs and experiments at and below some paths, those that come later among them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._seen: tuple[Any, ...] = ()
        self._made: dict[Any, tuple[Stamp, Any]] = {}
        self._stamps: dict[Path, Stamp] = {}

    def changed(self) -> Report | None:
        """A report of what is there now, or None if that is the same as last time.

        Raises `CallsheetError` where no run is there any more.
        """
        found = discover(self._paths)
        self._stamps = {run: stamps.of_run(run) for run in found.runs}
        seen = found, self._stamps, [stamps.of_experiment(folder) for folder in found.experiments]
        if seen == self._seen:
            return None
        self._seen = seen
        return self._report(found)

    def forget(self) -> None:
        """Make a report the next time, whether anything has changed or not."""
        self._seen = ()

    def _report(self, found: Found) -> Report:
        before, self._made = self._made, {}

        def kept(key: Any, stamp: Stamp, make: Callable[[], T]) -> T:
            known = before.get(key)
            self._made[key] = known if known and known[0] == stamp else (stamp, make())
            made: T = self._made[key][1]
            return made

        def run(path: Path, label: str, in_several: bool, *shared: Any) -> RunData:
            return kept(
                (path, label, in_several), self._stamps[path], lambda: RunData(path, label, in_several, *shared)
            )

        def experiment(folder: Path) -> Summary:
            below = ((path, stamp) for path, stamp in self._stamps.items() if path.is_relative_to(folder))
            return kept(folder, (stamps.of_experiment(folder), *below), lambda: summary.of(folder))

        return report_of(found, run, experiment)
