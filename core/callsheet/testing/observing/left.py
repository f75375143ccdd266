"""What a run in this process leaves behind once it is over."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from callsheet.testing.observing import surroundings
from callsheet.testing.observing.surroundings import VARIABLE


def _now() -> dict[str, str]:
    return surroundings.of_process() | surroundings.of_torch()


@dataclass
class Before:
    """The process before a run, from which `left` tells what the run left behind."""

    around: Mapping[str, str] = field(default_factory=_now)
    threads: frozenset[threading.Thread] = field(default_factory=lambda: frozenset(threading.enumerate()))

    def left(self, *touched: Any) -> dict[str, str]:
        """By name, what is otherwise now, and threads that keep the process alive or hold one of `touched`."""
        now = _now()
        names = dict.fromkeys([*self.around, *now])
        changed = {name: _change(name, self.around.get(name), now.get(name)) for name in names}
        return {name: said for name, said in changed.items() if said} | dict(self._threads(touched))

    def _threads(self, touched: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
        mine = {id(each) for each in touched}
        for thread in threading.enumerate():
            if thread in self.threads:
                continue
            if not thread.daemon:
                yield f"thread {thread.name}", f"the thread {thread.name} still runs, and keeps the process alive"
            elif mine & _held(thread):
                yield f"thread {thread.name}", f"the thread {thread.name} still runs, and holds the model"


def _change(name: str, before: str | None, now: str | None) -> str:
    if before == now:
        return ""
    return f"{name} was changed" if name.startswith(VARIABLE) else f"{name} was changed from {before} to {now}"


def _held(thread: threading.Thread) -> set[int]:
    """The ids of what stands in local variables of `thread`."""
    frame, found = sys._current_frames().get(thread.ident or 0), set()
    while frame is not None:
        found |= {id(value) for value in frame.f_locals.values()}
        frame = frame.f_back
    return found
