"""Tensors that several folders of a run share: one file on disk, for as long as any of them is kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def link_or_copy(source: Path, target: Path) -> None:
    """Make `source`, a file or a folder, appear at `target` too: tensors by hard link, small files by copy."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link_or_copy, dirs_exist_ok=True)
    else:
        _link_or_copy(str(source), str(target))


def _link_or_copy(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    if not (source.endswith(".safetensors") and _linked(source, target)):
        shutil.copy2(source, target)


def _linked(source: str, target: str) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        return False
    return True
