"""Where hooks put what has to leave the machine: `state.outbox.put(kind, payload, files=..., key=...)`."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from callsheet.outbox import handlers, snapshots
from callsheet.outbox.entries import Entry, id_of
from callsheet.outbox.shelves import Shelves
from callsheet.secrets import redact

_putting = Lock()  # two threads with one key make one entry


class Outbox:
    """The outbox of one run; `on_put` posts the entry of the given id, beside the training loop."""

    def __init__(self, run_dir: Path, on_put: Callable[[str], None] | None = None) -> None:
        self.run_dir = run_dir
        self.shelves = Shelves(run_dir)
        self._on_put = on_put or self.shelves.post

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
        handlers.insist(kind)
        key = key or uuid.uuid4().hex
        id = id_of(kind, key)
        with _putting:
            self.shelves.make()
            if self.shelves.is_draft(id) or self.shelves.state_of(id) is not None:
                return id
            files = files or {}
            sizes = snapshots.take(self.run_dir, id, files) if files else {}
            sources = {name: os.path.relpath(path, self.run_dir) for name, path in files.items()}
            try:
                self.shelves.draft(Entry(id, kind, key, redact(payload), time.time(), sizes, sources=sources))
            except BaseException:
                snapshots.drop(self.run_dir, id)
                raise
        self._on_put(id)
        return id
