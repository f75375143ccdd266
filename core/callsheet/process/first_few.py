"""Warnings that may come by the thousand: the first ones of a kind are said, the others are counted and summed up."""

from __future__ import annotations

import logging
import re
from collections import Counter
from threading import Lock

FEW = 3  # warnings of a kind that are said whole
KINDS = 10  # that are told apart
OTHER = "for other reasons"
VARIES = re.compile(r"[\w-]*\d[\w-]*")  # numbers, hashes and names with numbers differ where messages mean the same


class FirstFew:
    """Warnings about `what`, such as "entries that were not carried out"; may be called from several threads."""

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger, self._what = logger, what
        self._said: Counter[str] = Counter()
        self._unsaid: Counter[str] = Counter()
        self._examples = {OTHER: OTHER}
        self._counting = Lock()

    def warn(self, kind: str, message: str) -> None:
        """Say `message`, or count it where a few of its `kind` were said; numbers and hashes make no other kind."""
        with self._counting:
            example, kind = kind, VARIES.sub("…", kind)
            kind = kind if kind in self._said or len(self._said) < KINDS else OTHER
            self._examples.setdefault(kind, example)
            self._said[kind] += 1
            is_said = self._said[kind] <= FEW
            self._unsaid[kind] += not is_said
        if is_said:
            self._logger.warning("%s", message)

    def sum_up(self, advice: str = "") -> None:
        """Say in a line for each kind how many were counted since the last time, and then what helps, if any were."""
        with self._counting:
            unsaid, self._unsaid = self._unsaid, Counter()
        for kind, number in unsaid.items():
            if number:
                self._logger.warning("%s more %s: %s", f"{number:,}", self._what, self._examples[kind])
        if advice and any(unsaid.values()):
            self._logger.warning("%s", advice)
