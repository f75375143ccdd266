"""What the browser is shown now: made anew when it is asked for, something has changed, and the pace allows it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from callsheet.errors import CallsheetError, first_line
from callsheet_plugins.report.page.payload import Part, payload
from callsheet_plugins.report.serving.kept import Kept
from callsheet_plugins.report.serving.pace import Pace


@dataclass(frozen=True)
class Shown:
    """One state of the page. `fault` says why it is not as new as it could be."""

    title: str
    parts: tuple[Part, ...]
    fault: str = ""


class Live:
    """The page of what lies at some paths. Of all threads that ask, one works, and the others do not wait for it."""

    def __init__(self, paths: Sequence[Path], pace: Pace | None = None) -> None:
        self._kept = Kept(paths)
        self._pace = pace or Pace()
        self._working = Lock()
        self._shown = self._first()

    def now(self) -> Shown:
        """What to show, as new as the pace allows. Nothing is done while nobody asks."""
        if self._pace.allows and self._working.acquire(blocking=False):
            try:
                with self._pace.work():
                    self._shown = self._next(self._shown)
            finally:
                self._working.release()
        return self._shown

    def _first(self) -> Shown:
        """Raises `CallsheetError` where there is no run."""
        with self._pace.work():
            report = self._kept.changed()
            assert report, "nothing was seen before"
            return Shown(report.title, tuple(payload(report)))

    def _next(self, shown: Shown) -> Shown:
        try:
            report = self._kept.changed()
            return Shown(report.title, tuple(payload(report))) if report else replace(shown, fault="")
        except CallsheetError as error:
            return replace(shown, fault=str(error))
        except Exception as error:  # whatever half a file does to a section, the next look finds a whole one
            self._kept.forget()
            said = f"{type(error).__name__}: {first_line(error)}"
            return replace(shown, fault=f"The page could not be made at {time.strftime('%H:%M:%S')} ({said}).")
