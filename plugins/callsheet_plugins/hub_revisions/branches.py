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

    def add(self, branch: str, step: int, metrics: Mapping[str, float], rule: Mapping[str, Any]) -> list[str]:
        """Note a branch, and return those that `rule` no longer keeps; the newest is never among them."""
        self._known[branch] = {"step": step, "metrics": dict(metrics)}
        self._write()
        keep = set(self._by_step()[-rule["keep_last"] :]) | set(self._best(rule))
        return [name for name in self._by_step() if name not in keep]

    def forget(self, branch: str) -> None:
        self._known.pop(branch, None)
        self._write()

    def _by_step(self) -> list[str]:
        return sorted(self._known, key=lambda name: int(self._known[name]["step"]))

    def _best(self, rule: Mapping[str, Any]) -> list[str]:
        scored = {name: row["metrics"].get(rule["metric"]) for name, row in self._known.items()}
        known = [name for name, value in scored.items() if value is not None and value == value]
        ranked = sorted(known, key=lambda name: scored[name], reverse=rule["greater_is_better"])
        return ranked[: rule["keep_best"]]

    def _write(self) -> None:
        durable.write(self.path, json.dumps(self._known) + "\n")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
