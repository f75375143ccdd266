"""Warnings of a loop that come again at every step: each is logged once, by rank 0."""

from __future__ import annotations

import logging

from callsheet.distributed.world import world


class Once:
    """Warns once, on rank 0; of later ones that are about the same, the log has nothing."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._said: set[str] = set()

    def warn(self, sentence: str, about: str = "") -> None:
        """Log `sentence` behind the prefix, unless one was that is the same, or `about` the same."""
        if world().is_main and (about or sentence) not in self._said:
            self._said.add(about or sentence)
            logging.getLogger("callsheet").warning("%s%s", self._prefix, sentence)
