"""The process that works an outbox off: `python -m callsheet.outbox.courier RUN`. It loads no training library.

It lives as long as the run that started it, whose end it learns from its standard input, then until the outbox is
empty or `--linger` seconds have passed.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread

from callsheet.disk import os_errors
from callsheet.errors import CallsheetError, counted
from callsheet.outbox.courier.backoff import Backoff
from callsheet.outbox.courier.due import DueQueue
from callsheet.outbox.courier.lock import ANOTHER_WORKS, CourierLock
from callsheet.outbox.courier.progress import ProgressFile
from callsheet.outbox.courier.redacted_log import redacted_streams
from callsheet.outbox.courier.worker import Worker
from callsheet.outbox.entries import Entry
from callsheet.outbox.handlers import Permanent
from callsheet.outbox.store import PENDING, EntryStore
from callsheet.plugins import locking
from callsheet.process.exit import end_at_once
from callsheet.rundir.rundir import RunDir

logger = logging.getLogger("callsheet.courier")

LOOK_SECONDS = 1.0
MOST_FOLLOWERS = 64


class Courier:
    """Takes entries in the order they were put, several at a time, and comes back to those that are not yet due."""

    def __init__(self, run_dir: Path, lock: CourierLock, backoff: Backoff, parallel: int, linger: float) -> None:
        self.store = EntryStore(run_dir)
        self.worker = Worker(run_dir, backoff, lambda: self._run_ended is not None)
        self.lock = lock
        self.parallel, self.linger = parallel, linger
        self.due = DueQueue()
        self._bell = Event()
        self._run_ended: float | None = None
        self._looked = 0.0
        self._pool = ThreadPoolExecutor(parallel, "courier")
        self._followers = ThreadPoolExecutor(MOST_FOLLOWERS, "follower")
        self._progress = ProgressFile(self.store.folder)

    def work(self) -> None:
        """Until nothing is left to be done for a run that is gone."""
        if found := self.store.recover():
            logger.info("Took over %s of a courier that was killed.", counted(len(found), "entry", "entries"))
        while not self._is_over():
            self._look()
            while entry := self.due.pop(self._limit):
                self._start(entry)
            self._bell.wait(min(max(self.due.seconds_to_next(), 0.02), LOOK_SECONDS))
            self._bell.clear()

    def listen(self) -> None:
        """Read the run's pipe: a byte says that it put something, its end that the run is gone."""
        while os.read(0, 4096):
            self._ring()
        self._run_ended = time.monotonic()
        self._ring()

    def beat(self) -> None:
        """Show that we live, and stop at once when somebody else believed otherwise."""
        while True:
            time.sleep(self.lock.beat_seconds)
            if not self.lock.beat():
                logger.error("Another courier took over; this one stops.")
                end_at_once(ANOTHER_WORKS)

    def _ring(self) -> None:
        self._looked = 0.0
        self._bell.set()

    def _is_over(self) -> bool:
        if self._run_ended is None or self.due.working:
            return False
        if time.monotonic() - self._run_ended > self.linger:
            logger.info("The run has been gone for %g seconds; what is left stays.", self.linger)
            return True
        return not self.due and not self.store.ids(PENDING)

    def _look(self) -> None:
        """Read what is new; each entry is read once, not each time."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            for id in self.store.ids(PENDING):
                if id not in self.due and (entry := self.store.read(PENDING, id)):
                    self.due.push(entry)

    def _limit(self, kind: str) -> int:
        """How many of a kind may be in work; one whose handler is missing is tried, to fail with the reason."""
        try:
            most = self.worker.handler(kind).parallel
        except Permanent:
            most = 1
        if self._follows(kind):
            return min(most, MOST_FOLLOWERS)
        return most if self._working() < self.parallel else 0

    def _working(self) -> int:
        """How many entries are in work that take a slot: one that follows the run would never give it back."""
        return sum(count for kind, count in self.due.busy().items() if not self._follows(kind))

    def _follows(self, kind: str) -> bool:
        try:
            return self.worker.handler(kind).follows
        except Permanent:
            return False

    def _start(self, entry: Entry) -> None:
        if self.store.claim(entry.id):
            pool = self._followers if self._follows(entry.kind) else self._pool
            pool.submit(self._attempt, entry).add_done_callback(lambda future: self._ended(entry, future))
        else:
            self.due.release(entry.id)

    def _attempt(self, entry: Entry) -> Entry | None:
        progress, queued = partial(self._progress.note, entry.id), partial(self.due.of_kind, entry.kind)
        return self.worker.attempt(entry, progress, queued)

    def _ended(self, entry: Entry, future: Future[Entry | None]) -> None:
        """Note what an attempt came to. A full disk may have kept its outcome from being written: then once more."""
        if error := future.exception():
            logger.error("%s: its outcome could not be written: %s", entry.id, error)
            later = self._put_back(entry)
        else:
            later = future.result()
        self.due.release(entry.id, later)
        self._progress.forget(entry.id)
        self._bell.set()

    def _put_back(self, entry: Entry) -> Entry | None:
        try:
            self.store.put_back(entry.id)
        except OSError:
            return None  # it stays where it is until the next courier
        return replace(entry, not_before=time.time() + self.worker.backoff.longest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until there is nothing left; exit code 4 when another courier does."""
    options = _parser().parse_args(arguments)
    redacted_streams()
    _hold_to_lock(options.run)
    lock = CourierLock(options.run / "outbox")
    try:
        if not lock.take():
            return ANOTHER_WORKS
    except OSError as error:  # somebody's FIFO or link lies in its place, or the disk refuses
        logger.error("%s Every entry stays.", os_errors.said(error, lock.path))
        return 1
    courier = Courier(
        options.run, lock, Backoff(options.first_delay, options.longest_delay), options.parallel, options.linger
    )
    signal.signal(signal.SIGTERM, lambda *received: _leave(lock, 128 + signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run
    try:
        for task in (courier.listen, courier.beat):
            Thread(target=task, daemon=True).start()
        logger.info("Working on %s as process %d.", options.run, os.getpid())
        courier.work()
    except (MemoryError, RuntimeError) as error:
        if not _is_short_of_memory(error):
            raise
        said = "There is too little memory for the courier (see ulimit -v)."
        logger.error("%s Every entry stays; `callsheet outbox drain %s` goes on.", said, options.run)
        return 1
    finally:
        lock.release()
    return 0


def _hold_to_lock(run: Path) -> None:
    """Import no handler that the lock of the run's plugins refuses; its entries then fail, with the reason."""
    try:
        locking.hold(RunDir(run, is_main=False).config().get("plugins_lock"))
    except CallsheetError as error:
        logger.warning("%s", error)


def _is_short_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "start new thread" in str(error)


def _leave(lock: CourierLock, code: int) -> None:
    """Stop at once: what is active goes back to pending when the next courier starts."""
    lock.release()
    end_at_once(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("callsheet.outbox.courier", description=__doc__)
    parser.add_argument("run", type=lambda text: Path(text).absolute())
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--first-delay", type=float, default=1.0)
    parser.add_argument("--longest-delay", type=float, default=60.0)
    parser.add_argument("--linger", type=float, default=600.0)
    return parser
