"""Following one run for one tracker: batch by batch, each of them safe before the next is begun."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from callsheet.tracking.cursor import Cursor, CursorFile
from callsheet.tracking.follower.reading import Item, Reading
from callsheet.tracking.sink import Sink

logger = logging.getLogger("callsheet.tracking")

COUNTED = ("point", "rows")


class Following:
    """Sends what is new to `sink`. Whatever the sink raises goes through; the next process goes on from the cursor."""

    def __init__(self, reading: Reading, file: CursorFile, sink: Sink, cursor: Cursor, in_doubt: Cursor | None) -> None:
        self.reading, self.file, self.sink = reading, file, sink
        self.cursor = cursor
        self._safe = cursor  # up to here, all is at the tracker
        self._in_doubt = in_doubt

    def step(self) -> bool:
        """Send the next batch; returns whether there was one."""
        after, until = self.cursor.copy(), self._in_doubt
        batch = self._batch(after, until if until and until.batch >= 0 else None)
        if not batch:
            self._in_doubt = None
            self._pass_over(after)
            return until is not None
        after.batch += 1
        after.sent += sum(method in COUNTED for method, _ in batch)
        if until is None:
            self.file.begin(self._safe, after)
        self._send([item for item in batch if not until or self._lacks(item)])
        self.cursor = after
        if not self.sink.hurries():
            self._save()
        if until and until.batch >= 0:
            self._in_doubt = None
        return True

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        """Tell the tracker that the run is over, and note that it knows."""
        self.sink.end(status, summary)
        self.cursor.ended = status
        self._save()

    def leave(self) -> None:
        """Leave the rest to another process."""
        self.sink.close()
        self._save()

    def note_ids(self) -> None:
        """Keep what the tracker calls the run, which a later process needs to go on with it."""
        self.cursor.ended = None
        self._save()

    def _batch(self, after: Cursor, until: Cursor | None) -> list[Item]:
        batch: list[Item] = []
        for items in self.reading.items(after, until):
            batch += items
            if len(batch) >= self.sink.batch and until is None:
                break
        return batch

    def _lacks(self, item: Item) -> bool:
        method, value = item
        return method not in COUNTED or self.sink.lacks(value)

    def _send(self, batch: list[Item]) -> None:
        for method, value in batch:
            getattr(self.sink, method)(value)
        self.sink.flush()

    def _save(self) -> None:
        self.cursor.ids = {**self.cursor.ids, **self.sink.ids()}
        self.file.save(self.cursor)
        self._safe = self.cursor

    def _pass_over(self, after: Cursor) -> None:
        """Rows that say nothing new were read; that need not be written down before something is."""
        if after.read != self.cursor.read:
            self.cursor = after
