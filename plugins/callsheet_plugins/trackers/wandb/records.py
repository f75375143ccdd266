"""What stands in the file that wandb writes for each process of a run: LevelDB's log format, protobuf in it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

_PROTO: Any = wandb_internal_pb2  # which has no types
BLOCK = 32_768
HEADER = 7  # of the file, and of each piece of a record
FULL, LAST = 1, 4


class History:
    """The rows of one file, which grows: each comes once. `count` is how many came."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        self._place = HEADER

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows since the last call, in order, up to what is not written to its end, each with its number.

        wandb counts the rows of a run over all its processes, offline of each process alone.
        """
        for found in self._new():
            named = {each.key or "/".join(each.nested_key): json.loads(each.value_json) for each in found.item}
            yield int(found.step.num), named

    def counted(self) -> int:
        """How many rows the file has by now."""
        for _ in self._new():
            pass
        return self.count

    def _new(self) -> Iterator[Any]:
        for content in self._records():
            record = _PROTO.Record()
            record.ParseFromString(content)
            if record.WhichOneof("record_type") == "history":
                self.count += 1
                yield record.history

    def _records(self) -> Iterator[bytes]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._place)
            content, start, place, record = file.read(), self._place, self._place, b""
        while place - start + HEADER <= len(content):
            left = BLOCK - place % BLOCK
            if left < HEADER:
                place += left
                continue
            at = place - start
            _, size, kind = struct.unpack("<IHB", content[at : at + HEADER])
            if kind == 0 or at + HEADER + size > len(content):
                return
            record += content[at + HEADER : at + HEADER + size]
            place += HEADER + size
            if kind in (FULL, LAST):
                self._place = place
                yield record
                record = b""
