"""What an installed distribution consists of, by hashes: as its RECORD states, and as the files are by now."""

from __future__ import annotations

import csv
import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import Distribution
from importlib.util import find_spec
from pathlib import Path

from callsheet.errors import CallsheetError

# What an installer writes by itself differs between machines that hold the same wheel.
BY_INSTALLER = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json")


@dataclass(frozen=True)
class Contents:
    """The files of one distribution, as paths from its place on, each with the base64 of its SHA-256.

    Of an editable one, which has no files of its own, they are the modules of the packages that it brings.
    """

    files: Mapping[str, str]
    is_editable: bool

    @property
    def sha256(self) -> str:
        """One digest of all names and hashes, as hexadecimal."""
        lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


def contents_of(dist: Distribution, packages: Collection[str]) -> Contents:
    """Of `dist`, whose entry points name these top-level `packages`. Raises `CallsheetError` where it has no files."""
    if _is_editable(dist):
        return Contents(dict(_modules(packages)), True)
    if (record := dist.read_text("RECORD")) is None:
        raise CallsheetError("its installer left no RECORD of its files. Install it with pip or uv")
    return Contents({name: digest for name, digest in _recorded(record) if digest}, False)


def changed(dist: Distribution, found: Contents) -> list[str]:
    """The files that are no longer what RECORD states, or are gone; in alphabetical order."""
    if found.is_editable:
        return []
    return [
        name for name, digest in sorted(found.files.items()) if _digest(Path(str(dist.locate_file(name)))) != digest
    ]


def unrecorded(dist: Distribution, packages: Collection[str], found: Contents) -> list[str]:
    """Modules inside the packages that no RECORD states: somebody put them there."""
    if found.is_editable:
        return []
    place = Path(str(dist.locate_file("")))
    names = (path.relative_to(place).as_posix() for package in packages for path in _files(place / package))
    return sorted({*names} - {*found.files})


def elsewhere(dist: Distribution, modules: Collection[str], found: Contents) -> str:
    """The first file that Python would import for one of these `modules`, and that is none of `dist`: it comes first on
    the path, or lies beside. Of an editable distribution, what Python imports is what is locked.
    """
    place = Path(str(dist.locate_file(""))).resolve()
    own = {place / name for name in found.files}
    origins = [] if found.is_editable else [origin for module in modules for origin in _origins(module)]
    return next((origin for origin in origins if Path(origin).resolve() not in own), "")


def _origins(module: str) -> Iterator[str]:
    """The files that importing `module` runs, from its top-level package on; nothing is imported to find them."""
    top, *parts = module.split(".")
    spec, name = find_spec(top), top
    while spec:
        if spec.origin:
            yield spec.origin
        if not parts:
            return
        name = f"{name}.{parts.pop(0)}"
        spec = PathFinder.find_spec(name, spec.submodule_search_locations)


def _is_editable(dist: Distribution) -> bool:
    try:
        return bool(json.loads(dist.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError):
        return False


def _recorded(record: str) -> Iterator[tuple[str, str]]:
    """What a wheel brought: scripts in `bin` begin with the path of this machine's Python, and no run imports them."""
    for row in csv.reader(record.splitlines()):
        name, digest = row[0], row[1] if len(row) > 1 else ""
        if not name.startswith("..") and not name.endswith(BY_INSTALLER):
            yield name, digest.removeprefix("sha256=")


def _modules(packages: Collection[str]) -> Iterator[tuple[str, str]]:
    for package in sorted(packages):
        spec = find_spec(package)  # a top-level name, which imports nothing
        for place in (spec.submodule_search_locations or []) if spec else []:
            yield from (
                (f"{package}/{path.relative_to(place).as_posix()}", _digest(path)) for path in _files(Path(place))
            )
        if spec and spec.origin and not spec.submodule_search_locations:
            yield Path(spec.origin).name, _digest(Path(spec.origin))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".so", ".pyd") and path.is_file())


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return ""
    return urlsafe_b64encode(digest).decode().rstrip("=")
