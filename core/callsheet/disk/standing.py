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
