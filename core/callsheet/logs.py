"""What callsheet logs, on stderr: on the main process from INFO up, on the others warnings alone."""

from __future__ import annotations

import logging
import os


def show() -> None:
    """Print log lines from now on; a second call does nothing."""
    logger = logging.getLogger("callsheet")
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO if int(os.environ.get("RANK", 0)) == 0 else logging.WARNING)
