"""Files that several folders of a run share: one on the disk, for as long as any of them is kept.

Only regular files are shared. A symbolic link is followed in one case: a model file in the Hub's cache, which is a link
to its content there, `models--me--it/snapshots/COMMIT/model.safetensors -> ../../blobs/SHA`. Outside the run directory,
a link to another file of its own folder is followed, too. Any other link raises `Outside`, which names it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from callsheet.disk.descent import Outside, link_at, said_of
from callsheet.disk.inside import Inside, around
from callsheet.disk.regular import Irregular, kind

REPOSITORY = re.compile(r"(models|datasets|spaces)--.+")
SNAPSHOTS, BLOBS = "snapshots", "blobs"  # of huggingface_hub, file_download.py: the folders of a cached repository
STEP = 1 << 20


def link(source: Path, target: Path, root: Path | None = None) -> None:
    """Make the file `source` appear at `target` too: by a hard link, or by a copy where links are impossible.

    Below `root`, the run directory, no symbolic link is followed. Raises FileNotFoundError when `source` is gone.
    """
    (origin, name), goal = _origin(source, root), around(target, root)
    with origin.at(name) as (at, last), goal.at(target) as (there, new):
        if _is_linked(at, last, there, new):
            _keep_regular(origin, name, there, new)
            return
    _copy(origin, name, goal, target)


def link_all(files: Mapping[Path, Path], root: Path) -> None:
    """Do the same for many, `files` giving the source of each target; folders are walked down to once for all."""
    folders: dict[tuple[Path, Path], list[tuple[Path, Path]]] = defaultdict(list)
    for target, source in files.items():
        folders[source.parent, target.parent].append((source, target))
    for (here, beyond), pairs in folders.items():
        if here.is_relative_to(root):
            _link_folder(Inside(root), here, beyond, pairs)
        else:
            for source, target in pairs:
                link(source, target, root)


def _link_folder(inside: Inside, here: Path, beyond: Path, pairs: Iterable[tuple[Path, Path]]) -> None:
    with inside.folder(here) as at, inside.folder(beyond) as there:
        for source, target in pairs:
            if _is_linked(at, source.name, there, target.name):
                _keep_regular(inside, source, there, target.name)
            else:
                _copy(inside, source, inside, target)


def copy(source: Path, target: Path, root: Path | None = None) -> None:
    """Make `target`, which must be free, a copy of the file `source`, under the same rules."""
    (origin, name), goal = _origin(source, root), around(target, root)
    _copy(origin, name, goal, target)


def link_or_copy(source: Path, target: Path, root: Path | None = None) -> None:
    """Make `source`, a file or a folder, appear at `target` too: tensors by hard link, small files by copy."""
    origin, goal = around(source, root), around(target, root)
    found = origin.stat(source)
    if found is not None and stat.S_ISDIR(found.st_mode):
        goal.make(target)
        for name in sorted(origin.names(source)):
            link_or_copy(source / name, target / name, root or source.parent)
        return
    goal.remove(target)  # writing to it would change the file that it shares with other folders
    (link if source.suffix == ".safetensors" else copy)(source, target, root)


def _origin(source: Path, root: Path | None) -> tuple[Inside, PurePath]:
    """Where to look for `source`, and under which name: behind its link, where that is one to follow."""
    if root is not None and source.is_relative_to(root):
        return Inside(root), source
    folder = Path(os.path.realpath(source.parent))
    if (target := link_at(folder / source.name)) is None:
        return Inside(folder, "its folder"), PurePath(source.name)
    place = PurePath(os.path.normpath(folder / target))
    cached = _repository_of(folder)
    inside = Inside(cached, "the Hub's cache") if cached else Inside(folder, "its folder")
    if not place.is_relative_to(inside.root / BLOBS if cached else folder):
        raise Outside(said_of(source, target, inside.root, inside.called))
    return inside, place.relative_to(inside.root)


def _repository_of(folder: Path) -> Path | None:
    """The folder of a repository in the Hub's cache that `folder` is a snapshot of, or lies in one."""
    for place in (folder, *folder.parents):
        if place.parent.name == SNAPSHOTS and REPOSITORY.fullmatch(place.parent.parent.name):
            return place.parent.parent
    return None


def _is_linked(at: int, last: str, there: int, new: str) -> bool:
    """Make a hard link, if that can be: not to another file system, to another user's file, or one of too many."""
    try:
        os.link(last, new, src_dir_fd=at, dst_dir_fd=there, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _keep_regular(origin: Inside, name: PurePath, there: int, new: str) -> None:
    """Remove the new name of what is no regular file: link(2) of Linux links a symbolic link itself, say."""
    mode = os.stat(new, dir_fd=there, follow_symlinks=False).st_mode
    if not stat.S_ISREG(mode):
        os.unlink(new, dir_fd=there)
        origin.refuse_link(name)
        raise Irregular(f"{origin.root / name} is {kind(mode)}, no regular file")


def _copy(origin: Inside, name: PurePath, goal: Inside, target: Path) -> None:
    with os.fdopen(origin.open(name), "rb") as file:
        found = os.fstat(file.fileno())
        written = goal.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, found.st_mode & 0o777)
        with os.fdopen(written, "wb") as other:
            shutil.copyfileobj(file, other, STEP)
            other.flush()
            os.utime(other.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))
