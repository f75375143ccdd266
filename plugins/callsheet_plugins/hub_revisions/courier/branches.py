"""The branches that a run has published and still keeps, so that old ones can be pruned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from callsheet.disk import typed
from callsheet.disk.typed import Malformed
from callsheet.rundir import atomic
from callsheet_plugins.hub_revisions.courier.payloads import BranchRow, checked


class Branches:
    """A small file in the outbox: step, metrics, commit and outbox entry of every branch that exists.

    Each call reads the file again, because one handler publishes and another prunes, in threads of one process.
    """

    _lock: ClassVar[Lock] = Lock()

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, branch: str, **about: Any) -> None:
        """Record a branch."""
        with self._lock:
            self._write({**_read(self.path), branch: about})

    def old(self, weights: str, rule: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The branches that `rule` does not keep; the newest branch is always kept.

        Only branches of the same `weights` are counted, so averaged weights have their own count.
        """
        rows = {name: row for name, row in _read(self.path).items() if _is_whole(row)}
        known = {name: row for name, row in rows.items() if row.get("weights", "raw") == weights}
        by_step = sorted(known, key=lambda name: int(known[name]["step"]))
        keep = {*by_step[-rule["keep_last"] :], *_best(known, rule)}
        return {name: known[name] for name in by_step if name not in keep}

    def forget(self, branch: str) -> None:
        with self._lock:
            self._write({name: row for name, row in _read(self.path).items() if name != branch})

    def _write(self, known: Mapping[str, Any]) -> None:
        atomic.write(self.path, json.dumps(known) + "\n", self.path.parents[1])


def _best(known: Mapping[str, Mapping[str, Any]], rule: Mapping[str, Any]) -> list[str]:
    scored = {name: row["metrics"].get(rule["metric"]) for name, row in known.items()}
    named = [name for name, value in scored.items() if value is not None and value == value]
    return sorted(named, key=lambda name: scored[name], reverse=rule["greater_is_better"])[: rule["keep_best"]]


def _is_whole(row: Mapping[str, Any]) -> bool:
    """Whether it can be compared with others; one that cannot is kept, and so is its branch."""
    try:
        checked(row, BranchRow)
    except Malformed:
        return False
    return True


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        return typed.read(path, dict[str, dict[str, Any]])
    except (OSError, ValueError):
        return {}
