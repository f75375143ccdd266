"""SIGINT and SIGTERM: the first signal finishes the step and saves, the second one stops at once."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from callsheet.distributed.world import ARM, world
from callsheet.process.streams import say_at_once

ECHO_SECONDS = 5.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)
RELAYED = "CALLSHEET_RELAYED"  # set where signals come by way of another process, too


class Interrupted(BaseException):
    """A signal ended the run. Not an `Exception`, so that no hook swallows it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum
        self.advice = ""
        self.is_echo = False  # another rank says it
        self.orderly = False  # the step was finished and saved, by all ranks at once

    @property
    def exit_code(self) -> int:
        """The code that shells and schedulers expect: 130 after SIGINT, 143 after SIGTERM."""
        return 128 + self.signum


class Terminated(SystemExit):
    """Exit after SIGTERM in a user's own script."""


@dataclass
class Signals:
    """The received signal. While `patient`, the first signal is only recorded, and `promise` is printed."""

    received: int | None = None
    patient: bool = False
    promise: str = "finishing this step and saving a checkpoint"
    _first: float = field(default=0.0, repr=False)

    def handle(self, signum: int, frame: FrameType | None) -> None:
        if self.received is not None and is_echo(self._first):
            return
        self._first = time.monotonic()
        if self.received is not None or not self.patient:
            self.received = signum
            raise Interrupted(signum)
        self.received = signum
        name = signal.Signals(signum).name
        if world().is_main:
            # Not sys.stderr: the handler may have interrupted a write to it, and a second write would raise.
            say_at_once(f"\n{name}: {self.promise}. A second signal stops at once.\n")


def is_echo(first: float) -> bool:
    """Whether a signal only repeats the one that came at `first`, in seconds of the monotonic clock.

    The run of an arm gets each signal to its job twice: a scheduler signals all processes of a job, and its worker
    passes it on. A worker whose user is impatient kills. A run on several nodes gets it from Slurm and from the process
    that began it.
    """
    return not {ARM, RELAYED}.isdisjoint(os.environ) and time.monotonic() - first < ECHO_SECONDS


@contextmanager
def watched() -> Iterator[Signals]:
    """Handle signals while the block runs; does nothing outside the main thread."""
    signals = Signals()
    before = {}
    try:
        for signum in SIGNALS:
            before[signum] = signal.signal(signum, signals.handle)
    except ValueError:  # only the main thread may set handlers
        yield signals
        return
    try:
        yield signals
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def signal_in(said: str) -> str | None:
    """The signal that a sentence names.

    >>> signal_in("Rank 1 (process 7) was killed by SIGKILL.")
    'SIGKILL'
    """
    return next((word for word in re.findall(r"\bSIG\w+", said) if word in signal.Signals.__members__), None)
