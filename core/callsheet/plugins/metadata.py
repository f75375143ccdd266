"""The metadata of installed distributions: their entry points, names and versions, each file read once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

from callsheet.privates.python import folder_of


def entry_points(groups: Collection[str], unreadable: list[str]) -> Iterator[EntryPoint]:
    """Those of `groups`; sentences about bad files go to `unreadable`.

    `importlib.metadata.entry_points()` reads all other groups, too, and one bad file stops it.
    """
    first: dict[str, str] = {}
    for dist in map(_Metadata, distributions()):
        hidden = dist.key and first.setdefault(dist.key, dist.place) != dist.place
        try:
            text = dist.read_text("entry_points.txt") or ""
            if "callsheet." in text and not hidden and (dist.key or _comes_first(dist)):
                yield from [entry_point for entry_point in dist.entry_points if entry_point.group in groups]
        except (ValueError, TypeError) as error:  # no UTF-8, or a line that is no "name = value"
            file = f"{dist.locate_file('')}: the entry points of {' '.join(name_and_version(dist))}"
            unreadable.append(f"{file} cannot be read: {error}. Reinstall it.")


def origin_of(entry_point: EntryPoint) -> str:
    return " ".join(name_and_version(entry_point.dist)) if entry_point.dist else entry_point.value


@cache
def name_and_version(dist: Distribution | None) -> tuple[str, str]:
    """By hand, because `importlib.metadata` parses the whole README as an e-mail, 0.1 ms for each question."""
    try:
        text = (dist and (dist.read_text("METADATA") or dist.read_text("PKG-INFO"))) or ""
    except ValueError:  # no UTF-8
        text = ""
    return _header(text, "Name"), _header(text, "Version")


class _Metadata(Distribution):
    """A distribution that reads each of its files once."""

    def __init__(self, dist: Distribution) -> None:
        self.dist = dist
        self._folder = folder_of(dist)
        self.place, _, name = (self._folder or "").rpartition("/")
        # Two folders of one distribution have one key: only the first on the path counts, as Python imports that one.
        self.key = name.rpartition(".")[0].partition("-")[0].replace(".", "_").lower()
        self._texts: dict[str, str | None] = {}

    def read_text(self, filename: str) -> str | None:
        if filename not in self._texts:
            self._texts[filename] = self._read(filename)
        return self._texts[filename]

    def _read(self, filename: str) -> str | None:
        if not self._folder:
            return self.dist.read_text(filename)
        try:
            with open(f"{self._folder}/{filename}", "rb", buffering=0) as file:
                return file.read().decode().replace("\r\n", "\n")
        except (FileNotFoundError, IsADirectoryError, KeyError, NotADirectoryError, PermissionError):
            return None  # as in `importlib.metadata`

    def locate_file(self, path: Any) -> Any:
        return self.dist.locate_file(path)


def _comes_first(dist: Distribution) -> bool:
    """Whether no distribution of this name stands before it on the path: Python would import that one."""
    name, _ = name_and_version(dist)
    first = next(iter(distributions(name=name)), dist)
    return str(first.locate_file("")) == str(dist.locate_file(""))


def _header(text: str, key: str) -> str:
    _, found, rest = f"\n{text}".partition(f"\n{key}:")
    return rest.partition("\n")[0].strip() if found else "unknown"
