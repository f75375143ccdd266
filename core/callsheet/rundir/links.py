"""Files that several folders of a run share: one on the disk, for as long as any of them is kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Make the file `source` appear at `target` too: by a hard link, or by a copy where links are impossible.

    Raises FileNotFoundError when `source` is gone.
    """
    try:
        # link(2) of Linux links a symbolic link itself, which may mean nothing in another folder.
        os.link(source.resolve() if source.is_symlink() else source, target)
    except OSError:  # another file system, one without hard links, or too many of them
        shutil.copyfile(source, target)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `source`, a file or a folder, appear at `target` too: tensors by hard link, small files by copy."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link_or_copy, dirs_exist_ok=True)
    else:
        _link_or_copy(str(source), str(target))


def _link_or_copy(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)  # writing to it would change the file that it shares with other folders
    if source.endswith(".safetensors"):
        link(Path(source), Path(target))
    else:
        shutil.copy2(source, target)
