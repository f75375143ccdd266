"""Hard links to what an entry needs, so that checkpoint rotation cannot take it away."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from callsheet.rundir.links import link

FOLDER = "snapshots"
OURS = re.compile(r"(\..*\.(part|gone)|.*-[0-9a-f]{12})$")  # plugins keep folders of their own beside them


def folder_of(run_dir: Path, id: str) -> Path:
    return run_dir / FOLDER / id


def take(run_dir: Path, id: str, files: Mapping[str, Path]) -> dict[str, int]:
    """Link `files` into the snapshot of entry `id`, all of them or none, and return their sizes."""
    snapshot = folder_of(run_dir, id)
    part = snapshot.with_name(f".{id}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        targets = {name: _inside(part, name) for name in files}
        for folder in {target.parent for target in targets.values()} - {part}:
            folder.mkdir(parents=True, exist_ok=True)
        for name, source in files.items():
            link(source, targets[name])
        sizes = {name: target.stat().st_size for name, target in targets.items()}
        shutil.rmtree(snapshot, ignore_errors=True)  # left by a kill before its entry was written
        part.rename(snapshot)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return sizes


def drop(run_dir: Path, id: str) -> None:
    """Remove a snapshot: first its name, so that nobody ever finds half of one."""
    snapshot = folder_of(run_dir, id)
    gone = snapshot.with_name(f".{id}.gone")
    try:
        snapshot.rename(gone)
    except OSError:
        return
    shutil.rmtree(gone, ignore_errors=True)


def sweep(run_dir: Path, keep: Collection[str]) -> None:
    """Remove every snapshot but those of the entries `keep`; not while anybody puts entries."""
    if (run_dir / FOLDER).is_dir():
        for snapshot in (run_dir / FOLDER).iterdir():
            if OURS.match(snapshot.name) and snapshot.name not in keep:
                shutil.rmtree(snapshot, ignore_errors=True)


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"a file of an entry must lie inside its snapshot, and {name!r} does not")
    return path
