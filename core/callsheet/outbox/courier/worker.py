"""One attempt at one entry, and what it leads to: done, failed, or pending once more."""

from __future__ import annotations

import errno
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from callsheet.disk.descent import Outside
from callsheet.disk.typed import Malformed
from callsheet.outbox import handlers, snapshots
from callsheet.outbox.courier.backoff import LONGEST_ASKED, Backoff
from callsheet.outbox.courier.brought import brought
from callsheet.outbox.entries import LONGEST, UNREADABLE, Entry
from callsheet.outbox.handlers import Delivery, Handler, Parked, Permanent, Transient
from callsheet.outbox.store import DONE, FAILED, PARKED, PENDING, REPAIR, EntryStore
from callsheet.secrets import redact, redact_text
from callsheet.values import dumps, plain

logger = logging.getLogger("callsheet.courier")

REMOVE = "Remove the link, then `callsheet outbox retry RUN ID`."
UNEXPECTED = 5  # attempts at an entry whose handler raises what it does not explain


class Worker:
    """Carries out entries of the run at `run_dir`; may be called from several threads."""

    def __init__(self, run_dir: Path, backoff: Backoff, run_is_gone: Callable[[], bool] = lambda: False) -> None:
        self.run_is_gone = run_is_gone
        self.store = EntryStore(run_dir)
        self.backoff = backoff
        self._handlers: dict[str, Handler] = {}
        self._making = Lock()

    def handler(self, kind: str) -> Handler:
        """The handler of `kind`, made when it is first needed; raises `Permanent`."""
        with self._making:
            if kind not in self._handlers:
                self._handlers[kind] = handlers.make(kind, self.store.run_dir)
            return self._handlers[kind]

    def attempt(
        self, entry: Entry, progress: Callable[[float, float], None], queued: Callable[[], list[Entry]]
    ) -> Entry | None:
        """Try `entry`, which is active; returns it when it is pending again, with the time of its next attempt."""
        try:
            result = self._deliver(entry, progress, queued)
        except Transient as error:
            return self._again(entry, str(error), error.retry_after, counts=error.counts)
        except Parked as error:
            logger.info("%s: %s", entry.id, error)
            self.store.settle(replace(entry, error=redact_text(str(error)), advice=None), PARKED)
            return None
        except Permanent as error:
            self._fail(entry, str(error), error.remedy)
            return None
        except Outside as error:  # neither time nor another attempt takes a link away
            self._fail(entry, str(error), REMOVE)
            return None
        except Malformed as error:  # a handler reads its payload, and files that were left
            self._fail(entry, str(error), REPAIR)
            return None
        except Exception as error:
            logger.exception("%s: unexpected", entry.id)
            said = f"{type(error).__name__}: {error}"
            if entry.attempts + 1 < UNEXPECTED or _is_full(error):
                return self._again(entry, said, None)
            self._fail(entry, said, "The courier's log has the traceback.")
            return None
        settled = replace(
            entry, attempts=entry.attempts + 1, finished_at=time.time(), result=result, error=None, advice=None
        )
        self.store.settle(settled, DONE)
        snapshots.drop(self.store.run_dir, entry.id)
        logger.info("%s: done", entry.id)
        return None

    def _deliver(
        self, entry: Entry, progress: Callable[[float, float], None], queued: Callable[[], list[Entry]]
    ) -> Mapping[str, Any]:
        if entry.kind == UNREADABLE:
            raise Permanent(str(entry.error), str(entry.advice))
        handler = self.handler(entry.kind)
        folder = snapshots.folder_of(self.store.run_dir, entry.id)
        try:
            files = {name: snapshots.path_in(folder, name) for name in entry.files}
            sizes = {name: snapshots.size_of(self.store.inside, path) for name, path in files.items()}
        except (Outside, ValueError) as error:
            raise Permanent(f"{str(error).rstrip('.')}.", "Nothing can bring its files back.") from error
        # a power cut may have left less of a file than there was
        if torn := [name for name, size in sizes.items() if size != entry.files[name]]:
            raise Permanent(f"{', '.join(torn)} in {folder} is gone or cut short.", "Nothing can bring it back.")
        result = handler.deliver(Delivery(entry, self.store.run_dir, files, progress, queued, self.run_is_gone))
        inside_the_run = brought(plain(result or {}), self.store.inside, entry.id)
        return _checked(dict(redact(inside_the_run)), entry.kind)

    def _again(self, entry: Entry, reason: str, retry_after: float | None, *, counts: bool = True) -> Entry:
        if not counts:
            return self._later(entry, reason, retry_after)
        attempts = entry.attempts + 1
        due = time.time() + self.backoff.delay(attempts, retry_after)
        said = redact_text(reason)
        later = replace(entry, attempts=attempts, not_before=due, error=said)
        logger.warning("%s: attempt %d: %s Again in %.1f s.", entry.id, attempts, said, due - time.time())
        self.store.settle(later, PENDING)
        return later

    def _later(self, entry: Entry, reason: str, retry_after: float | None) -> Entry:
        """Nothing failed, so nothing is written but the way back: a job of hours is asked after many times."""
        asked = retry_after is not None and math.isfinite(retry_after)
        wait = min(max(retry_after or 0.0, 0.0), LONGEST_ASKED) if asked else self.backoff.delay(1)
        logger.debug("%s: %s Again in %.1f s.", entry.id, reason, wait)
        self.store.let_wait(entry.id)
        return replace(entry, not_before=time.time() + wait)

    def _fail(self, entry: Entry, reason: str, remedy: str) -> None:
        said, advice = redact_text(reason), redact_text(remedy) or None
        logger.error("%s: %s %s", entry.id, said, advice or "")
        failed = replace(entry, attempts=entry.attempts + 1, finished_at=time.time(), error=said, advice=advice)
        self.store.settle(failed, FAILED)


def _checked(result: dict[str, Any], kind: str) -> dict[str, Any]:
    """`result`, unless its entry could not be read again with it."""
    if (size := len(dumps(result, indent=1))) > LONGEST // 2:
        said = (
            f"The handler of kind {kind!r} returned {size:,} characters, and an entry takes {LONGEST // 2:,} at most."
        )
        raise Permanent(said, "It has to leave what is large in a file.")
    return result


def _is_full(error: Exception) -> bool:
    """Somebody will make room, sooner or later."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
