"""When a worker ends before its time: by a signal, or because the driver asks all workers of the experiment to."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.experiments.places import WORKERS
from callsheet.process.signals import SIGNALS
from callsheet.process.streams import say_at_once

ALL = "every arm that runs saves, and goes back to the queue. A second signal kills."
RARELY = 2.0  # seconds
ASKED = f"{WORKERS}/.stop"  # its presence stops every worker, wherever a launcher has started it


class Stopping:
    """What asked this process to end: `received` is a signal's number, and `hurried` says that a second one came.

    The first calls `first` with what is to be passed on, the second `again`. `pause` and `rest` are cut short by both.
    `promise` is printed when the first comes.
    """

    def __init__(self, promise: str = "") -> None:
        self.promise = promise
        self.received: int | None = None
        self.hurried = False
        self.first: Callable[[int], None] = lambda signum: None
        self.again: Callable[[], None] = lambda: None
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def stop(self, signum: int) -> None:
        """As the signal does; for a thread that learns of it otherwise."""
        if self.received is None:
            self.received = signum
            self.first(signum if signum in SIGNALS else signal.SIGTERM)
        self.nudge()

    def nudge(self) -> None:
        """End a pause; any thread and any handler may."""
        with suppress(OSError):
            os.write(self._wake, b"!")

    def pause(self, seconds: float) -> None:
        """Sleep, unless this process is to end."""
        if self.received is None:
            self.rest(seconds)

    def rest(self, seconds: float = RARELY) -> None:
        """Sleep until something happens."""
        if select.select([self._woken], [], [], seconds)[0]:
            os.read(self._woken, 4096)

    def handle(self, signum: int, frame: FrameType | None) -> None:
        if self.received is not None:
            self.hurried = True
            self.again()
            self.nudge()
            return
        self.stop(signum)  # before anything is said: the second may come meanwhile
        if self.promise:
            say_at_once(f"\n{signal.Signals(signum).name}: {self.promise}\n")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Handle signals in this block; outside the main thread, only the driver can stop the worker.

        SIGUSR2 is one of them where it means something: submitit's jobs get it when their time is over.
        """
        also = [signal.SIGUSR2] if callable(signal.getsignal(signal.SIGUSR2)) else []
        before: dict[signal.Signals, Any] = {}
        with suppress(ValueError):  # only the main thread may set handlers
            for signum in (*SIGNALS, *also):
                before[signum] = signal.signal(signum, self.handle)
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)


def ask_all(root: Path) -> None:
    """Stop all workers of the experiment, as a SIGTERM would, within a beat of theirs; also those to come."""
    Inside(root).write(ASKED, b"", durable=False)


def let_all_work(root: Path) -> None:
    """Take `ask_all` back: for the driver, before it starts workers."""
    Inside(root).remove(ASKED)


def is_asked(root: Path) -> bool:
    return Inside(root).stat(ASKED) is not None
