"""Hard links to what an entry needs, so that checkpoint rotation cannot take it away."""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path, PurePath

from callsheet.disk.inside import Inside
from callsheet.rundir.links import link_all

FOLDER = "snapshots"
OURS = re.compile(r"(\..*\.(part|gone)|.*-[0-9a-f]{12})$")  # plugins keep folders of their own beside them


def folder_of(run_dir: Path, id: str) -> Path:
    return run_dir / FOLDER / id


def take(run_dir: Path, id: str, files: Mapping[str, Path]) -> dict[str, int]:
    """Link `files` into the snapshot of entry `id`, all of them or none, and return their sizes.

    Regular files only; `callsheet.rundir.links` says which symbolic links are followed.
    """
    inside, snapshot = Inside(run_dir), folder_of(run_dir, id)
    part = snapshot.with_name(f".{id}.part")
    targets = {name: path_in(part, name) for name in files}
    inside.remove_tree(part)
    inside.make(part)
    try:
        for folder in {target.parent for target in targets.values()} - {part}:
            inside.make(folder)
        link_all({targets[name]: source for name, source in files.items()}, run_dir)
        sizes = {name: size_of(inside, target) or 0 for name, target in targets.items()}
        inside.remove_tree(snapshot)  # left by a kill before its entry was written
        inside.rename(part, snapshot)
    except BaseException:
        inside.remove_tree(part)
        raise
    return sizes


def drop(run_dir: Path, id: str) -> None:
    """Remove a snapshot: first its name, so that nobody ever finds half of one."""
    inside, snapshot = Inside(run_dir), folder_of(run_dir, id)
    gone = snapshot.with_name(f".{id}.gone")
    with suppress(OSError):
        inside.rename(snapshot, gone)
        inside.remove_tree(gone)


def sweep(run_dir: Path, keep: Collection[str]) -> None:
    """Remove every snapshot but those of the entries `keep`; not while anybody puts entries."""
    inside = Inside(run_dir)
    for name in inside.names(FOLDER):
        if OURS.match(name) and name not in keep:
            inside.remove_tree(folder_of(run_dir, name))


def path_in(folder: Path, name: str) -> Path:
    """The path of the file `name` of a snapshot; raises ValueError for a name that leads out of it."""
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"a file of an entry must lie inside its snapshot, and {name!r} does not")
    return folder / name


def size_of(inside: Inside, path: Path) -> int | None:
    """The size of a regular file; None for anything else. Raises `Outside` for a link on the way to it."""
    found = inside.stat(path)
    return found.st_size if found and stat.S_ISREG(found.st_mode) else None
