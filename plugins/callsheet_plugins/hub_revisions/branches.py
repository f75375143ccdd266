"""Which branches a run has published and still keeps, so that old ones can be pruned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.outbox import durable


class Branches:
    """A small file beside the outbox: step and metrics of every branch that stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, dict[str, Any]] = _read(path)

    def add(
        self, branch: str, step: int, metrics: Mapping[str, float], rule: Mapping[str, Any], weights: str = "raw"
    ) -> list[str]:
        """Note a branch, and return those that `rule` no longer keeps; the newest is never among them.

        Branches of other `weights`, such as averaged ones, are counted apart.
        """
        self._known[branch] = {"step": step, "metrics": dict(metrics), "weights": weights}
        self._write()
        known = {name: row for name, row in self._known.items() if row.get("weights", "raw") == weights}
        by_step = sorted(known, key=lambda name: int(known[name]["step"]))
        keep = {*by_step[-rule["keep_last"] :], *_best(known, rule)}
        return [name for name in by_step if name not in keep]

    def forget(self, branch: str) -> None:
        self._known.pop(branch, None)
        self._write()

    def _write(self) -> None:
        durable.write(self.path, json.dumps(self._known) + "\n")


def _best(known: Mapping[str, Mapping[str, Any]], rule: Mapping[str, Any]) -> list[str]:
    scored = {name: row["metrics"].get(rule["metric"]) for name, row in known.items()}
    named = [name for name, value in scored.items() if value is not None and value == value]
    return sorted(named, key=lambda name: scored[name], reverse=rule["greater_is_better"])[: rule["keep_best"]]


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
