"""What came back from the courier, told to the plugins once: done entries, and which of them were announced."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from callsheet.disk import typed
from callsheet.disk.descent import Outside
from callsheet.disk.typed import Malformed
from callsheet.errors import CallsheetError, PluginFailure
from callsheet.outbox.counts import settled
from callsheet.outbox.entries import UNREADABLE, Entry
from callsheet.outbox.predictions import Predictions
from callsheet.outbox.store import ANNOUNCED, DONE, FAILED, EntryStore
from callsheet.process.first_few import FirstFew
from callsheet.records import EvalResult, LogContext
from callsheet.rundir import checkpoints
from callsheet.rundir.revisions import known_fields, revision_of
from callsheet.rundir.rundir import RunDir, now
from callsheet.secrets import redact_text

if TYPE_CHECKING:
    from callsheet.hooks import Plugin

logger = logging.getLogger("callsheet")


AnnounceEval = Callable[..., object]  # the result, its predictions, its step, and the entry that brought it

# What the world may cure, such as a full disk; anything else is wrong with the result, and stays wrong.
PASSING = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT, errno.ENOLCK, errno.EBUSY),
    *(errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
}


class ScoredResult(TypedDict):
    """What an `EvalResult` must have; of its other fields, what is odd is left out later, by name."""

    name: str
    metrics: Any


class Scored(TypedDict):
    """A score as a handler returns it."""

    result: ScoredResult
    predictions: NotRequired[str | None]
    step: NotRequired[int | None]
    left_out: NotRequired[dict[str, str] | None]


class Results:
    """Announces each done entry once; after a crash in between, an entry may be announced again, never missed.

    A plugin whose `on_error` is raise ends a run. Without a run, in a drain, what it could not be told is put aside.
    """

    def __init__(
        self, run_dir: RunDir, ctx: LogContext, hooks: Plugin, announce_eval: AnnounceEval, *, is_run: bool = True
    ) -> None:
        self.is_run = is_run
        self.run_dir, self.ctx, self.hooks = run_dir, ctx, hooks
        self.announce_eval = announce_eval
        self.store = EntryStore(run_dir.path)
        self._announced = {id for id, row in settled(run_dir).items() if not row.get("again")}
        self._failed: set[str] = set()
        self.put_aside = FirstFew(logger, "results were put aside")

    def failed(self) -> Iterator[Entry]:
        """Entries that failed for good since this was last asked."""
        for id in sorted(self.store.ids(FAILED)):
            if id not in self._failed and (entry := self.store.read(FAILED, id)):
                self._failed.add(id)
                yield entry

    def announce(self, most: int | None = None) -> int:
        """Announce what is new, `most` entries at a time; returns how many.

        A result that cannot be announced is put aside with the reason, and the others go on. Raises OSError when the
        disk has no room for one, or for what hooks put because of it: then it is still new. A file that is no entry
        (any more) joins those that failed.
        """
        new = sorted(id for id in self.store.ids(DONE) if id not in self._announced)[:most]
        entries = [entry for id in new if (entry := self.store.read(DONE, id))]
        for entry in sorted(entries, key=lambda entry: entry.finished_at or 0.0):
            if entry.kind == UNREADABLE:
                self.store.withdraw(entry.id)
                continue
            said = self._announce(entry)
            aside = {"error": said} if said else {}
            self.run_dir.append(ANNOUNCED, {"id": entry.id, "time": now(), **aside}, durable=True)
            self._announced.add(entry.id)
        return len(entries)

    def _announce(self, entry: Entry) -> str:
        """Tell plugins all that came back with `entry`; returns what is wrong with the parts that cannot be told."""
        refused = self.ctx.outbox.refused
        wrong = [said for part in self._parts(entry) if (said := self._attempt(part))]
        if self.ctx.outbox.refused > refused:  # a guard has caught what `put` raised
            raise OSError(errno.ENOSPC, "there was no room for what was put because of it")
        if not wrong:
            self.run_dir.event("carried_out", id=entry.id, what=entry.kind, attempts=entry.attempts)
            return ""
        said = redact_text(f"What the handler of kind {entry.kind!r} left cannot be announced: {' '.join(wrong)}")
        self.put_aside.warn(said, f"{entry.id}: {said} It is put aside; the rest goes on.")
        self.run_dir.event("not_announced", id=entry.id, what=entry.kind, error=said)
        return said

    def _parts(self, entry: Entry) -> Iterator[Callable[[], object]]:
        result = entry.result if isinstance(entry.result, Mapping) else {}
        if revision := result.get("revision"):
            yield partial(self._announce_revision, revision)
        scores = result.get("evals") or ()
        for scored in scores if isinstance(scores, (list, tuple)) else (scores,):
            yield partial(self._announce_score, scored, entry.id)

    def _announce_revision(self, content: Mapping[str, Any]) -> None:
        revision = revision_of(content, self.run_dir.path)
        checkpoints.published(self.run_dir, revision)
        self.hooks.on_revision(ctx=self.ctx, revision=revision)

    def _announce_score(self, scored: Mapping[str, Any], entry: str) -> None:
        came = typed.convert(scored, Scored, "a score")
        result, path = EvalResult(**known_fields(EvalResult, came["result"])), came.get("predictions")
        predictions = Predictions(self.run_dir, path) if path else []
        if odd := came.get("left_out"):
            held = ", ".join(f"{name} is {what}" for name, what in odd.items())
            logger.warning("%s: the results of %s hold what is left out: %s.", entry, result.name, held)
            self.run_dir.event("refused", door=f"the score {result.name!r}", values=odd, id=entry)
        self.announce_eval(result, predictions, came.get("step"), entry=entry)

    def _attempt(self, part: Callable[[], object]) -> str:
        """Announce one part; returns what is wrong with it. Raises what ends a run, and an OSError that may pass."""
        try:
            part()
        except Outside as error:
            return str(error)
        except (CallsheetError, PluginFailure) as error:
            if self.is_run:
                raise
            return str(error)
        except Malformed as error:
            return f"{error}."
        except Exception as error:  # whatever comes of a result that is none
            if isinstance(error, OSError) and error.errno in PASSING:
                raise
            return f"{type(error).__name__}: {error}."
        return ""
