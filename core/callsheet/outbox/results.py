"""What came back from the courier, told to the plugins once: done entries, and which of them were announced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from callsheet import checkpoints
from callsheet.outbox.entries import Entry
from callsheet.outbox.shelves import DONE, FAILED, Shelves
from callsheet.records import EvalResult, LogContext, Revision
from callsheet.rundir import RunDir, now

if TYPE_CHECKING:
    from callsheet.hooks import Plugin

ANNOUNCED = "outbox/announced.jsonl"

AnnounceEval = Callable[[EvalResult, list[Mapping[str, Any]], int | None], None]


class Results:
    """Announces each done entry once; after a crash in between, an entry may be announced again, never missed."""

    def __init__(self, run_dir: RunDir, ctx: LogContext, hooks: Plugin, announce_eval: AnnounceEval) -> None:
        self.run_dir, self.ctx, self.hooks = run_dir, ctx, hooks
        self.announce_eval = announce_eval
        self.shelves = Shelves(run_dir.path)
        self._announced = {str(row.get("id")) for row in run_dir.rows(ANNOUNCED)}
        self._failed: set[str] = set()

    def failed(self) -> Iterator[Entry]:
        """Entries that failed for good since this was last asked."""
        for id in self.shelves.ids(FAILED):
            if id not in self._failed and (entry := self.shelves.read(FAILED, id)):
                self._failed.add(id)
                yield entry

    def announce(self, most: int | None = None) -> int:
        """Announce what is new, `most` entries at a time; returns how many."""
        new = sorted(id for id in self.shelves.ids(DONE) if id not in self._announced)[:most]
        entries = [entry for id in new if (entry := self.shelves.read(DONE, id))]
        for entry in sorted(entries, key=lambda entry: entry.finished_at or 0.0):
            self._announce(entry)
            self._announced.add(entry.id)
            self.run_dir.append(ANNOUNCED, {"id": entry.id, "time": now()}, durable=True)
        return len(entries)

    def _announce(self, entry: Entry) -> None:
        result = entry.result or {}
        self.run_dir.event("carried_out", id=entry.id, what=entry.kind, attempts=entry.attempts)
        if published := result.get("revision"):
            revision = Revision(**_known(Revision, published))
            checkpoints.published(self.run_dir, revision)
            self.hooks.on_revision(ctx=self.ctx, revision=revision)
        for scored in result.get("evals", ()):
            result_row = EvalResult(**_known(EvalResult, scored["result"]))
            self.announce_eval(result_row, self._predictions(scored.get("predictions")), scored.get("step"))

    def _predictions(self, path: str | None) -> list[Mapping[str, Any]]:
        """Rows of a JSONL file inside the run directory."""
        if not path:
            return []
        text = (self.run_dir.path / path).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _known(record: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `record` has: a courier of a later version may know more."""
    names = {field.name for field in fields(record)}
    return {name: value for name, value in content.items() if name in names}
