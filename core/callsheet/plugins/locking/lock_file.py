"""The file that `callsheet plugins lock` writes and `plugins_lock=FILE` holds a run to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from callsheet.disk import os_errors, typed
from callsheet.errors import CallsheetError, did_you_mean, listed
from callsheet.plugins import entry_points
from callsheet.plugins.groups import GROUPS
from callsheet.plugins.locking.contents import changed, contents_of, elsewhere, unrecorded
from callsheet.plugins.metadata import name_and_version

VERSION = 1
LIMIT = 4 << 20  # bytes
ADVICE = "If you trust it, write the lock again: callsheet plugins lock"


@dataclass
class Locked:
    """One distribution; `brings` is there for who reads the file."""

    version: str
    sha256: str
    brings: list[str]
    editable: bool = False


@dataclass
class LockFile:
    """Distributions by name. A file of a later Callsheet may have another `lock_version`."""

    lock_version: int
    distributions: dict[str, Locked]


@dataclass
class Written:
    """What a lock holds now, a line on each; what differs from the lock that stood there; and what could not be locked.

    `changes` is None where no lock stood there.
    """

    lines: list[str]
    changes: list[str] | None
    left_out: list[str]


def write(path: Path) -> Written:
    """Write the lock of everything installed, but for what cannot be locked, which a run with it refuses.

    Raises `CallsheetError` where `path` cannot be written, or holds something else than a lock.
    """
    made, left_out = _lockable()
    before = _lock_at(path)
    content = {"lock_version": VERSION, "distributions": {name: vars(locked) for name, locked in made.items()}}
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise CallsheetError(os_errors.said(error, path)) from error
    lines = [f"{name} {each.version}  {', '.join(each.brings)}" for name, each in made.items()]
    return Written(lines, None if before is None else [*_changes(before, made)], left_out)


def _lockable() -> tuple[dict[str, Locked], list[str]]:
    made: dict[str, Locked] = {}
    left_out: list[str] = []
    for name, (dist, brings) in sorted(_brought().items()):
        try:
            made[name] = _locked(name, dist, brings)
        except CallsheetError as error:
            left_out.append(str(error))
    return made, left_out


def _lock_at(path: Path) -> dict[str, Locked] | None:
    """The distributions of the lock that is to be replaced; None where there is no file."""
    try:
        return typed.read(path, LockFile, limit=LIMIT, follow=True).distributions
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CallsheetError(os_errors.said(error, path)) from error
    except typed.Malformed as error:
        raise CallsheetError(f"{error}. It is no lock, and is not overwritten: remove it, or name another.") from error


def _changes(before: Mapping[str, Locked], now: Mapping[str, Locked]) -> Iterator[str]:
    """A line for each distribution that is locked otherwise than before."""
    for name in sorted({*before, *now}):
        if name not in now:
            yield f"removed: {name} {before[name].version}"
        elif name not in before:
            yield f"added: {name} {now[name].version}"
        elif said := _change(before[name], now[name]):
            yield f"changed: {name} {said}"


def _change(before: Locked, now: Locked) -> str:
    if now.version != before.version:
        return f"is {now.version}, was {before.version}"
    if now.editable != before.editable:
        return f"{now.version} is {'' if now.editable else 'not '}in editable mode now"
    if now.sha256 != before.sha256:
        return f"{now.version} has other files, of the same version"
    return "" if now.brings == before.brings else f"{now.version} brings other entry points"


def refusals(path: Path) -> Mapping[str, str]:
    """Why what is installed and not as the lock holds it must not be imported, by name. Raises `CallsheetError`."""
    lock = _read(path)
    found = {name: _refusal(path, lock.distributions.get(name), name, *rest) for name, rest in _brought().items()}
    return {name: said for name, said in found.items() if said}


def _refusal(path: Path, locked: Locked | None, name: str, dist: Distribution, brings: list[str]) -> str:
    """Why it is not imported, and what helps; empty where nothing differs. Writing a new lock mends no installation."""
    try:
        said = _difference(locked, name, _locked(name, dist, brings)) if locked else f"{name} is not in the lock"
    except CallsheetError as error:
        return f"{error} The lock is {path}."
    return f"{said} ({path}). {ADVICE} {path}" if said else ""


def _difference(locked: Locked, name: str, now: Locked) -> str:
    """What differs, as the beginning of a sentence; empty where nothing does."""
    if now.version != locked.version:
        return f"{name} is {now.version} here and {locked.version} in the lock"
    if now.editable != locked.editable:
        return f"{name} is installed {'' if now.editable else 'not '}in editable mode, other than in the lock"
    return "" if now.sha256 == locked.sha256 else f"{name} {now.version} has other files than in the lock"


def _locked(name: str, dist: Distribution, brings: list[str]) -> Locked:
    packages = _packages(brings)
    said = [each.rpartition(" = ")[0] for each in brings]
    try:
        found = contents_of(dist, packages)
    except CallsheetError as error:
        raise CallsheetError(f"{name} cannot be locked: {error}.") from error
    if odd := changed(dist, found):
        raise CallsheetError(f"{name} is not as it was installed: {listed(odd)} changed. Install it again.")
    if odd := unrecorded(dist, packages, found):
        raise CallsheetError(f"{name} is not as it was installed: {listed(odd)} came on top. Install it again.")
    if path := elsewhere(dist, _modules(brings), found):
        raise CallsheetError(
            f"{name} is not what Python would import: {path} comes first. Remove it, or take it off the path."
        )
    return Locked(name_and_version(dist)[1], found.sha256, said, found.is_editable)


def _packages(brings: list[str]) -> list[str]:
    return sorted({module.partition(".")[0] for module in _modules(brings)})


def _modules(brings: list[str]) -> list[str]:
    return sorted({each.rpartition(" = ")[2].partition(":")[0].strip() for each in brings})


def _brought() -> dict[str, tuple[Distribution, list[str]]]:
    """What each distribution brings, as "plugin bema = module:Class"."""
    found: dict[str, tuple[Distribution, list[str]]] = {}
    for dist, name, line in _lines():
        found.setdefault(name, (dist, []))[1].append(line)
    return found


def _lines() -> Iterator[tuple[Distribution, str, str]]:
    for group in GROUPS:
        for each in entry_points.installed(group).values():
            for point in (each.entry_point, *each.rivals):
                if point.dist:
                    yield point.dist, name_and_version(point.dist)[0], f"{group.noun} {point.name} = {point.value}"


def _read(path: Path) -> LockFile:
    try:
        lock = typed.read(path, LockFile, limit=LIMIT, follow=True)
    except FileNotFoundError as error:
        near = did_you_mean(path.name, [each.name for each in path.parent.glob("*lock*")])
        raise CallsheetError(
            f"plugins_lock={path}: there is no such file.{near} To write it: callsheet plugins lock {path}"
        ) from error
    except OSError as error:
        raise CallsheetError(os_errors.of_setting("plugins_lock", path, os_errors.said(error, path))) from error
    except typed.Malformed as error:
        raise CallsheetError(f"plugins_lock={path} cannot be read: {error}. {ADVICE} {path}") from error
    if lock.lock_version != VERSION:
        raise CallsheetError(f"{path} is a lock of version {lock.lock_version}; this Callsheet reads {VERSION}.")
    return lock
