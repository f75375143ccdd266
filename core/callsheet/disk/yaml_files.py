"""The one reader of YAML on disk: bounded in bytes, in depth, and in what its aliases come to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from callsheet.disk import regular
from callsheet.disk.regular import shown
from callsheet.disk.typed import DEEPEST, Malformed, decoded

LIMIT = 4 << 20  # bytes of a file
MOST_NODES = 100_000  # of a file with each alias counted as all that it stands for: OmegaConf makes as many objects
PAIR = re.compile(rb"\\u[dD][89a-fA-F]")  # half of a sign beyond the first 65,536


def load(path: Path, *, limit: int = LIMIT, follow: bool = False, where: str = "") -> Any:
    """The content of the YAML file `path`, which errors call `where`. Raises `Malformed` and OSError."""
    return parse(regular.read(path, limit, follow=follow), where or shown(path))


def parse(text: bytes, where: str) -> Any:
    """The same for text that was read already."""
    import yaml

    check(text, where)
    try:
        return yaml.load(text, Loader=_loader(text))
    except yaml.YAMLError as error:
        raise Malformed(where, _no_yaml(error)) from error
    except (ValueError, TypeError, OverflowError) as error:  # such as the 40th of May
        raise Malformed(where, f"it holds a value that is none: {error}") from error


def check(text: bytes, where: str) -> None:
    """Raise `Malformed` for what no reader of YAML should be given: aliases that explode or contain themselves, too.

    It is parsed into events alone, which takes neither recursion nor memory.
    """
    import yaml

    said = decoded(text, where)
    try:
        _Sizes(where).count(yaml.parse(said, Loader=_loader(text)))
    except yaml.YAMLError as error:
        raise Malformed(where, _no_yaml(error)) from error


class _Sizes:
    """Counts the nodes of each list and mapping while it is read, and remembers those that have an anchor."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._of: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = []
        self._count = 0

    def count(self, events: Any) -> None:
        import yaml

        for event in events:
            if isinstance(event, yaml.AliasEvent):
                self._add(self._size(event))
            elif isinstance(event, yaml.ScalarEvent):
                self._add(1)
                if event.anchor:
                    self._of[event.anchor] = 1
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = self._open.pop()
                if anchor:
                    self._of[anchor] = self._count - before

    def _begin(self, event: Any) -> None:
        self._open.append((event.anchor, self._count))
        self._add(1)
        if len(self._open) > DEEPEST:
            raise Malformed(self.where, f"it is nested deeper than {DEEPEST} levels, in line {_line(event)}")

    def _size(self, event: Any) -> int:
        if any(event.anchor == anchor for anchor, _ in self._open):
            raise Malformed(self.where, f"*{event.anchor} in line {_line(event)} contains itself")
        return self._of.get(event.anchor, 1)  # one that is not known is an error of the loader's own

    def _add(self, nodes: int) -> None:
        self._count += nodes
        if self._count > MOST_NODES:
            raise Malformed(self.where, f"with its aliases written out, it holds more than {MOST_NODES:,} values")


def _loader(text: bytes) -> Any:
    """The safe one in C, which is ten times as fast, or the safe one in Python.

    Only the latter takes the escapes of JSON for signs such as emoji, which are two each.
    """
    import yaml

    return yaml.SafeLoader if PAIR.search(text) else getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _no_yaml(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f" in line {mark.line + 1}" if mark else ""
    return f"it is no YAML{place}: {getattr(error, 'problem', None) or str(error).splitlines()[0]}"
