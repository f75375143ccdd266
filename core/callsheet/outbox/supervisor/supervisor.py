"""The run's side of its outbox: the courier is started here, and what it brought back is announced here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from callsheet.errors import listed, sentences
from callsheet.outbox import handlers, snapshots
from callsheet.outbox.courier.lock import CourierLock
from callsheet.outbox.entries import Entry
from callsheet.outbox.settings import OutboxSettings
from callsheet.outbox.store import KEPT, EntryStore
from callsheet.outbox.supervisor.announcing import Results
from callsheet.outbox.supervisor.courier_process import CourierProcess
from callsheet.outbox.supervisor.recovery import restore
from callsheet.outbox.supervisor.wait_bar import WaitBar
from callsheet.process.first_few import FirstFew
from callsheet.rundir.rundir import RunDir

logger = logging.getLogger("callsheet")

LOOK_SECONDS = 2.0
AT_A_TIME = 20
PAUSE_SECONDS = 0.2
NO_ROOM_SECONDS = 30.0  # plugins hear again of what could not be written down, so not every moment


class Supervisor:
    """Lives in the process that holds the run directory's lock: rank 0 of the run, or a drain."""

    def __init__(self, run_dir: RunDir, settings: OutboxSettings, results: Results) -> None:
        self.run_dir, self.settings, self.results = run_dir, settings, results
        self.store = EntryStore(run_dir.path)
        self.courier = CourierProcess(run_dir.path, settings)
        self._in_use = False
        self._posting = ThreadPoolExecutor(1, "callsheet-outbox")
        self._looked = 0.0
        self._room_at = 0.0
        self._lately: list[Entry] = []
        self._failures = FirstFew(logger, "entries were not carried out")

    def open(self) -> None:
        """Go on with what an earlier attempt of this run left."""
        handlers.installed()  # looked up now, not when the first checkpoint is put
        self.store.adopt()
        self._tell_lost(restore(self.run_dir))
        if self.store.folder.is_dir():
            self._in_use = True
            self.store.make()
            self.store.unpark()
            snapshots.sweep(self.run_dir.path, {id for state in KEPT for id in self.store.ids(state)})
            CourierLock(self.store.folder).dismiss()
            if self.store.left():
                self.courier.ensure()

    def _tell_lost(self, ids: list[str]) -> None:
        for id in ids:
            self.run_dir.event("outbox_restored", id=id)
        if len(ids) == 1:
            logger.warning("%s was lost when the machine failed, and is put again.", ids[0])
        elif ids:
            said = "%s entries were lost when the machine failed, and are put again: %s."
            logger.warning(said, f"{len(ids):,}", listed(ids))

    def was_put(self, id: str) -> None:
        """An entry was put: post it and wake the courier, in a thread, since both would keep the loop waiting."""
        self._in_use = True
        self._lately.append(self.store.drafted(id))
        self._posting.submit(self._post, id)

    def put_lately(self) -> list[Entry]:
        """What was put since this was last asked, for the manifest: see `restored`."""
        lately, self._lately = self._lately, []
        return lately

    def look(self) -> None:
        """Announce what came back. Between two steps: does nothing unless some seconds have passed."""
        if self._in_use and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._collect(AT_A_TIME)
            if not self.courier.lives and self.store.left():
                self.courier.ensure()

    def wait(self, seconds: float = float("inf"), stop: Callable[[], bool] = lambda: False) -> None:
        """Until everything is carried out and announced, `seconds` have passed, or `stop` says so."""
        if not self._in_use:
            return
        end = time.monotonic() + seconds
        self._posting.submit(self._post_again).result()
        self._room_at = min(self._room_at, time.monotonic())  # there may be room by now
        self._collect()
        with WaitBar(self.store) as bar:
            while ((left := self._left()) or self._collect()) and time.monotonic() < end and not stop():
                if not left:  # what came back last was announced just now, and a hook may have put something for it
                    continue
                self.courier.ensure()
                if self.courier.is_broken:
                    logger.warning("%s", self.courier.why_broken)
                    break
                bar.show(left)
                time.sleep(PAUSE_SECONDS)
                self._collect()
        self._collect()
        if self._left() and (why := bar.last_error()):
            logger.warning("%s", why)

    def close(self) -> None:
        """Let the courier go on alone, until the outbox is empty."""
        run = self.run_dir.path
        advice = f"callsheet outbox {run} lists all that failed; callsheet outbox retry {run} all tries again."
        self._failures.sum_up(advice)
        self.results.put_aside.sum_up()
        self._posting.shutdown()
        self.courier.let_go()

    def _left(self) -> list[str]:
        """What is neither done nor failed, with what hooks have put just now, such as for a revision they heard of."""
        self._posting.submit(lambda: None).result()
        return self.store.left()

    def _post(self, id: str) -> None:
        try:
            self.store.post(id)
        except OSError as error:
            self.run_dir.event("outbox_failed", id=id, error=f"{type(error).__name__}: {error}")
            logger.warning("%s could not be put into the outbox: %s. A drain tries again.", id, error)
        self.courier.ensure()
        self.courier.ring()

    def _post_again(self) -> None:
        """Post what a full disk kept from being posted; there may be room by now."""
        for id in self.store.drafts():
            self._post(id)

    def _collect(self, most: int | None = None) -> int:
        """Announce what came back; returns how many entries' results were new."""
        told = 0
        if time.monotonic() < self._room_at:
            return told
        try:
            told = self.results.announce(most)
            self._room_at = 0.0
        except OSError as error:  # a full disk must not end the training; what is not announced comes up again
            self._postpone(f"{type(error).__name__}: {error}")
        for entry in self.results.failed():
            self._report(entry)
        return told

    def _report(self, entry: Entry) -> None:
        self.run_dir.event("outbox_failed", id=entry.id, what=entry.kind, error=entry.error, advice=entry.advice)
        failed = f"{entry.id} was not carried out: {entry.error}"
        kept = f"It is kept: callsheet outbox retry {self.run_dir.path} {entry.id}"
        self._failures.warn(str(entry.error), sentences(failed, entry.advice, kept))

    def _postpone(self, error: str) -> None:
        if not self._room_at:  # said once
            logger.warning("What came back cannot be announced: %s. It is tried again, by a drain if need be.", error)
            self.run_dir.event("not_announced", error=error)
        self._room_at = time.monotonic() + NO_ROOM_SECONDS
