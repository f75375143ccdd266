"""What came back from the courier, told to the plugins once: done entries, and which of them were announced."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.outbox.entries import Entry
from callsheet.outbox.predictions import Predictions
from callsheet.outbox.store import ANNOUNCED, DONE, FAILED, EntryStore
from callsheet.records import EvalResult, LogContext, Revision
from callsheet.rundir import checkpoints
from callsheet.rundir.revisions import known_fields, revision_of
from callsheet.rundir.rundir import RunDir, now

if TYPE_CHECKING:
    from callsheet.hooks import Plugin

logger = logging.getLogger("callsheet")


Score = tuple[EvalResult, str | None, int | None]  # with the path of its predictions, and its step
AnnounceEval = Callable[[EvalResult, Sequence[Mapping[str, Any]], int | None], None]


class Results:
    """Announces each done entry once; after a crash in between, an entry may be announced again, never missed."""

    def __init__(self, run_dir: RunDir, ctx: LogContext, hooks: Plugin, announce_eval: AnnounceEval) -> None:
        self.run_dir, self.ctx, self.hooks = run_dir, ctx, hooks
        self.announce_eval = announce_eval
        self.store = EntryStore(run_dir.path)
        self._announced = {str(row.get("id")) for row in run_dir.rows(ANNOUNCED)}
        self._failed: set[str] = set()

    def failed(self) -> Iterator[Entry]:
        """Entries that failed for good since this was last asked."""
        for id in self.store.ids(FAILED):
            if id not in self._failed and (entry := self.store.read(FAILED, id)):
                self._failed.add(id)
                yield entry

    def announce(self, most: int | None = None) -> int:
        """Announce what is new, `most` entries at a time; returns how many.

        Raises OSError when the disk has no room for it, or for what hooks put because of it: then it is still new.
        """
        new = sorted(id for id in self.store.ids(DONE) if id not in self._announced)[:most]
        entries = [entry for id in new if (entry := self.store.read(DONE, id))]
        for entry in sorted(entries, key=lambda entry: entry.finished_at or 0.0):
            self._announce(entry)
            self.run_dir.append(ANNOUNCED, {"id": entry.id, "time": now()}, durable=True)
            self._announced.add(entry.id)
        return len(entries)

    def _announce(self, entry: Entry) -> None:
        try:
            revision, scores = _news(entry.result or {}, self.run_dir.path)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            said = f"The handler of kind {entry.kind!r} left what cannot be announced: {type(error).__name__}: {error}."
            logger.warning("%s: %s", entry.id, said)
            self.run_dir.event("not_announced", id=entry.id, what=entry.kind, error=said)
            return
        refused = self.ctx.outbox.refused
        if revision:
            checkpoints.published(self.run_dir, revision)
            self.hooks.on_revision(ctx=self.ctx, revision=revision)
        for result, predictions, step in scores:
            self.announce_eval(result, Predictions(self.run_dir, predictions) if predictions else [], step)
        if self.ctx.outbox.refused > refused:  # a guard has caught what `put` raised
            raise OSError(errno.ENOSPC, "there was no room for what was put because of it")
        self.run_dir.event("carried_out", id=entry.id, what=entry.kind, attempts=entry.attempts)


def _news(
    result: Mapping[str, Any], run_dir: Path
) -> tuple[Revision | None, list[tuple[EvalResult, str | None, int | None]]]:
    """What a handler has to tell; raises whatever comes of a result that is none."""
    published = result.get("revision")
    scores = [
        (EvalResult(**known_fields(EvalResult, scored["result"])), scored.get("predictions"), scored.get("step"))
        for scored in result.get("evals", ())
    ]
    return revision_of(published, run_dir) if published else None, scores
