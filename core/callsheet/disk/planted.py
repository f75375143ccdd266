"""Symbolic links in the place of what a run writes: refused when it starts, before a library writes through one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from callsheet.disk.descent import Outside, leaves, said_of

# The folders of a run, and those whose own folders are the run's, too: what lies in them is looked at when it is used.
OURS = ("outbox", "snapshots", "predictions", "completions", "benchmarks", "callsheet", "torn", "trackers")
NESTED = ("outbox", "callsheet", "trackers")
CALLED = "the run directory"


def refuse_planted(run_dir: Path) -> None:
    """Raise `Outside` for a link in `run_dir` that leaves it, or that stands where the run has a file of its own.

    Libraries write by name, and follow links: a checkpoint, the final model and its card are written so.
    """
    for link in _links(run_dir):
        if _is_ours(link.relative_to(run_dir)) or leaves(link, run_dir):
            raise Outside(said_of(link, os.readlink(link), run_dir, CALLED))


def _links(run_dir: Path) -> Iterator[Path]:
    for entry in _entries(run_dir):
        if entry.is_symlink():
            yield Path(entry.path)
        elif entry.name in NESTED and entry.is_dir(follow_symlinks=False):
            with suppress(PermissionError):  # who reads it names it
                yield from (Path(below.path) for below in _entries(Path(entry.path)) if below.is_symlink())


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return [*found]


def _is_ours(name: Path) -> bool:
    first = name.parts[0]
    return first in OURS or first.startswith("checkpoint-") or first.endswith((".json", ".jsonl", ".yaml", ".lock"))
