"""Predictions that a job left in a file, read when somebody looks at them: for the training loop they are too many."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.lazy import read_before
from callsheet.rundir.links import link
from callsheet.rundir.rundir import RunDir


class Predictions(list[Mapping[str, Any]]):
    """The rows of a JSONL file inside the run directory; none where somebody has removed it.

    A list, so that json.dumps takes it; it is filled when it is first looked into. `json` and `list` ask a subclass
    of list for its iterator, and do not reach past it for what it holds.
    """

    def __init__(self, run_dir: RunDir, name: str) -> None:
        super().__init__()
        self._run_dir, self._name = run_dir, name
        self._is_read = False

    def __bool__(self) -> bool:
        if self._is_read:
            return list.__len__(self) > 0
        found = self._run_dir.inside.stat(self._name)
        return found is not None and stat.S_ISREG(found.st_mode) and found.st_size > 0

    def keep(self, path: Path) -> None:
        """Have them at `path`, too, without reading them where links are possible."""
        inside = self._run_dir.inside
        source = inside.root.joinpath(*inside.parts(self._name))
        with inside.replacing(path) as (_, temporary):
            link(source, path.with_name(temporary), inside.root)

    def read(self) -> None:
        if not self._is_read:
            self._is_read = True
            self.extend(self._run_dir.rows(self._name))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return list, ([*self],)


read_before(
    Predictions,
    *("__len__", "__iter__", "__reversed__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__repr__"),
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__add__", "__mul__", "__rmul__", "__iadd__"),
    *("append", "copy", "count", "index", "insert", "pop", "remove", "reverse", "sort", "clear"),
)
setattr(Predictions, "__radd__", lambda self, other: [*other, *self])  # noqa: B010  # list knows none
