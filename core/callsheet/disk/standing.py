"""Where the user stands."""

from __future__ import annotations

import os
from pathlib import Path


def working_directory() -> Path:
    """The working directory; where it was, if somebody has deleted it since, which must end no run."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(os.environ.get("PWD", os.sep))  # the shell's word for it


def short(path: Path) -> str:
    """`path` from where the user stands, if it lies below."""
    here = working_directory()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
