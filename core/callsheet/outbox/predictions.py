"""Predictions that a job left in a file, read when somebody looks at them: for the training loop they are too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from callsheet.rundir import atomic
from callsheet.rundir.links import link
from callsheet.rundir.rundir import RunDir


class Predictions(Sequence[Mapping[str, Any]]):
    """The rows of a JSONL file inside the run directory; none where somebody has removed it."""

    def __init__(self, run_dir: RunDir, name: str) -> None:
        self._run_dir, self._name = run_dir, name

    @cached_property
    def _rows(self) -> list[Mapping[str, Any]]:
        return list(self._run_dir.rows(self._name))

    def __bool__(self) -> bool:
        path = self._run_dir.path / self._name
        return path.is_file() and path.stat().st_size > 0

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        return self._rows[index]

    def keep(self, path: Path) -> None:
        """Have them at `path`, too, without reading them where links are possible."""
        with atomic.replacing(path) as temporary:
            link(self._run_dir.path / self._name, temporary)
