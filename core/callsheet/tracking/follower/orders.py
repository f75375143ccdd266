"""What the courier tells a follower, and hears of it: JSON lines over two pipes, which end when either side dies."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from typing import IO, Any

from callsheet.process.exit import end_at_once

LEFT_SECONDS = 10.0  # that a follower has for its last batch, once the courier is gone


@dataclass(frozen=True)
class Begin:
    """The first line: which plugin, made of which settings, and the id of the run where the tracker has none yet."""

    tracker: str
    settings: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""


class Orders:
    """Reads what the courier says; the streams of this process are free for the tracker's package meanwhile.

    `finish` is the status of a run that is over: all its rows are written. `is_left` says that nobody waits for us.
    """

    def __init__(self, heard: IO[str], said: IO[str]) -> None:
        self.finish: str | None = None
        self.is_left = False
        self._heard, self._said = heard, said
        self._bell = threading.Event()

    def begin(self) -> Begin:
        """What to do; the rest is read in a thread."""
        begin = Begin(**json.loads(self._heard.readline()))
        threading.Thread(target=self._listen, daemon=True, name="callsheet-orders").start()
        return begin

    def say(self, **what: Any) -> None:
        """Tell the courier; `sent`, `idle`, `ended` or `failed`."""
        try:
            self._said.write(f"{json.dumps(what)}\n")
            self._said.flush()
        except (OSError, ValueError):
            self.is_left = True

    def wait(self, seconds: float) -> None:
        """Until it says something, or time has passed."""
        if self._bell.wait(seconds):
            self._bell.clear()

    def _listen(self) -> None:
        for line in self._heard:
            self.finish = json.loads(line)["finish"]
            self._bell.set()
        self.is_left = True
        self._bell.set()
        threading.Event().wait(LEFT_SECONDS)
        end_at_once(1)


def streams() -> Orders:
    """Take the two pipes for the orders; what the package prints goes to the error output."""
    heard, said = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return Orders(os.fdopen(heard, encoding="utf-8"), os.fdopen(said, "w", encoding="utf-8"))
