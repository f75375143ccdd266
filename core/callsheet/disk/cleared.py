"""Folders into which a library is about to write by name, freed of the links through which it would write elsewhere."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from callsheet.disk.descent import Outside, said_of
from callsheet.disk.inside import Inside

logger = logging.getLogger("callsheet")

SAID = "%s was a symbolic link, which nothing is written through: it is removed."


def without_links(folder: Path) -> None:
    """Remove the symbolic links in `folder` and in the folders below it, and nothing that they name.

    Raises `Outside` where `folder` itself is a link.
    """
    if folder.is_symlink():
        raise Outside(said_of(folder, os.readlink(folder), folder.parent, "the run directory"))
    if not folder.is_dir():
        return
    for at, folders, files, descriptor in os.fwalk(folder):
        for name in (*folders, *files):
            if stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                logger.warning(SAID, f"{at}/{name}")
                os.unlink(name, dir_fd=descriptor)


def without_linked_files(root: Path) -> None:
    """Remove the symbolic links in `root`, which may be one itself, but for those that name a folder.

    Logs are not a library's: who writes one meets the link there, and says so.
    """
    inside = Inside(root)
    for name in inside.names() if root.is_dir() else ():
        found = inside.stat(name)
        is_link = found is not None and stat.S_ISLNK(found.st_mode)
        if is_link and not name.endswith(".jsonl") and not (root / name).is_dir():
            logger.warning(SAID, root / name)
            inside.remove(name)
