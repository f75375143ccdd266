"""Where hooks put what has to leave the machine: `state.outbox.put(kind, payload, files=..., key=...)`."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from callsheet.outbox import handlers, snapshots
from callsheet.outbox.entries import Entry, id_of
from callsheet.outbox.store import EntryStore
from callsheet.secrets import redact, redact_names, redact_text
from callsheet.values import plain

_putting = Lock()  # two threads with one key make one entry


class Outbox:
    """The outbox of one run; `on_put` posts the entry of the given id, beside the training loop.

    `refused` counts the entries that could not be written, whatever became of the OSErrors that said so.
    """

    def __init__(self, run_dir: Path, on_put: Callable[[str], None] | None = None) -> None:
        self.run_dir = run_dir
        self.store = EntryStore(run_dir)
        self.refused = 0
        self._on_put = on_put or self.store.post

    def put(
        self, kind: str, payload: Mapping[str, Any], *, files: Mapping[str, Path] | None = None, key: str | None = None
    ) -> str:
        """Hand `payload` and `files` to the handler of `kind`, and return the entry's id; this process may die now.

        The machine may die once the entry has reached the disk, which happens beside the training loop within
        milliseconds, or once the checkpoint that it was put for stands in checkpoints.jsonl: then it is put again.

        `files` maps names to paths; they are linked, so they may be deleted or replaced, but not changed in place. The
        same `kind` and `key` make one entry, however often they are put. Secrets in `payload` are blanked. Raises
        OSError when the disk is full, leaving nothing behind; rank 0 only.

        >>> state.outbox.put("hub_revisions", {"step": 100}, files={"config.json": row.path / "config.json"}, key="100")
        """
        handlers.require(kind)
        key = redact_text(key or uuid.uuid4().hex)
        id = id_of(kind, key)
        with _putting:
            try:
                is_new = self._write(Entry(id, kind, key, redact(plain(payload)), time.time()), files or {})
            except OSError:
                self.refused += 1
                raise
        if is_new:
            self._on_put(id)
        return id

    def retry(self, id: str, **payload: Any) -> bool:
        """Give a failed entry another chance, with these fields of its payload changed; False when it did not fail."""
        return self.store.retry(id, **payload)

    def _write(self, entry: Entry, files: Mapping[str, Path]) -> bool:
        """Make a draft of `entry` and links to its files; False when there is one already."""
        self.store.make()
        if self.store.is_draft(entry.id) or self.store.state_of(entry.id) is not None:
            return False
        files = redact_names(files)
        sizes = snapshots.take(self.run_dir, entry.id, files) if files else {}
        sources = {name: os.path.relpath(path, self.run_dir) for name, path in files.items()}
        try:
            self.store.draft(replace(entry, files=sizes, sources=sources))
        except BaseException:
            snapshots.drop(self.run_dir, entry.id)
            raise
        return True
