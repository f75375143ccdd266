"""What a power cut took from the outbox, put again: the manifest lists the entries that were put for a checkpoint.

An entry reaches the disk beside the training loop, which a sync would keep waiting; the line of the manifest, which is
synced, is there at the latest when the loop goes on.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from callsheet.disk.descent import Outside
from callsheet.disk.typed import Malformed
from callsheet.outbox import snapshots
from callsheet.outbox.entries import Entry, from_content, to_json
from callsheet.outbox.store import FAILED, SIDE_BY_SIDE, EntryStore
from callsheet.rundir import atomic
from callsheet.rundir.rundir import CHECKPOINTS, RunDir

logger = logging.getLogger("callsheet")


def as_listed(entries: list[Entry]) -> dict[str, Any]:
    """The field of a manifest line from which `restore` makes `entries` again."""
    return {"entries": [dict(vars(entry)) for entry in entries]} if entries else {}


def restore(run_dir: RunDir) -> list[str]:
    """Put again what the manifest lists and no shelf holds, from the checkpoint or else as failed; returns the ids."""
    store = EntryStore(run_dir.path)
    listed = {entry.id: entry for entry in _listed(run_dir)}
    lost = [entry for entry in listed.values() if store.state_of(entry.id) is None]
    if lost:
        store.make()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        deque(pool.map(partial(_put_again, run_dir, store), lost), 0)
    return [entry.id for entry in lost]


def _listed(run_dir: RunDir) -> Iterator[Entry]:
    for row in run_dir.rows(CHECKPOINTS):
        listed = row.get("entries")
        for content in listed if isinstance(listed, list) else ():
            try:
                yield from_content(content, f"an entry in {CHECKPOINTS}")
            except Malformed as error:
                logger.warning("%s. It is not put again, should it be lost.", error)


def _put_again(run_dir: RunDir, store: EntryStore, entry: Entry) -> None:
    kept = {name: snapshots.folder_of(run_dir.path, entry.id) / name for name in entry.files}
    sources = {name: run_dir.path / source for name, source in entry.sources.items()}
    if entry.files and not _whole(run_dir, entry, kept) and _whole(run_dir, entry, sources):
        snapshots.take(run_dir.path, entry.id, sources)
    if _whole(run_dir, entry, kept):
        store.draft(entry)
        store.post(entry.id)
        return
    said = "The machine failed before this entry reached the disk, and its files are gone by now."
    failed = replace(entry, finished_at=time.time(), error=said, advice="Nothing can bring it back.")
    atomic.write(store.path(FAILED, entry.id), to_json(failed), run_dir.path)


def _whole(run_dir: RunDir, entry: Entry, files: Mapping[str, Path]) -> bool:
    """Whether these are its files, inside the run directory: what a line of the manifest says else, may be forged."""
    try:
        sizes = {name: snapshots.size_of(run_dir.inside, path) for name, path in files.items()}
    except Outside:
        return False
    return files.keys() >= entry.files.keys() and all(size == entry.files[name] for name, size in sizes.items())
