"""What installed packages bring: the one reader of entry points, for every group that packages may join."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint
from time import perf_counter
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean
from callsheet.plugins.groups import GROUPS, PLUGINS, Group
from callsheet.plugins.metadata import entry_points, name_and_version, origin_of


@dataclass(frozen=True)
class Installed:
    """One entry point of some installed distribution; `rivals` claim the same name for something else."""

    entry_point: EntryPoint
    group: Group
    rivals: tuple[EntryPoint, ...] = ()

    @property
    def name(self) -> str:
        return self.entry_point.name

    @property
    def distribution(self) -> str:
        return name_and_version(self.entry_point.dist)[0]

    @property
    def version(self) -> str:
        return name_and_version(self.entry_point.dist)[1]

    @property
    def origin(self) -> str:
        """Distribution and version, as in "callsheet-s3 0.1.0"."""
        return origin_of(self.entry_point)

    @property
    def conflict(self) -> str:
        """What to say when two distributions claim this name, or an empty string."""
        if not self.rivals:
            return ""
        claims = " and ".join(f"{origin_of(e)} ({e.value})" for e in (self.entry_point, *self.rivals))
        return f"{self.group.title} {self.name!r} is claimed by {claims}. Uninstall all but one of them."

    @property
    def refusal(self) -> str:
        """Why nobody can use it, by its name alone: nobody can type it, or two claim it; or an empty string."""
        if problem := self.group.problem_with(self.name):
            return f"{self.group.title} {self.name!r} from {self.origin} cannot be used: {problem}"
        return self.conflict


@dataclass(frozen=True)
class Reading:
    """Everything found, by group and by name in alphabetical order; `unreadable` has a sentence for each bad file."""

    groups: Mapping[str, Mapping[str, Installed]]
    unreadable: tuple[str, ...]


@cache
def read() -> Reading:
    """Read the metadata of every distribution once; nothing is imported."""
    claims: dict[str, dict[str, list[EntryPoint]]] = {group.key: {} for group in GROUPS}
    unreadable: list[str] = []
    for entry_point in entry_points({group.key for group in GROUPS}, unreadable):
        rivals = claims[entry_point.group].setdefault(entry_point.name, [])
        if all(other.value != entry_point.value or origin_of(other) != origin_of(entry_point) for other in rivals):
            rivals.append(entry_point)
    return Reading({group.key: _by_name(group, claims[group.key]) for group in GROUPS}, tuple(unreadable))


# Libraries that take seconds to import; those that import others of them come first.
HEAVY = ("trl", "peft", "transformers", "datasets", "accelerate", "deepspeed", "vllm", "tensorflow", "jax", "torch")
_slow: dict[str, SlowImport] = {}
_refused: dict[str, str] = {}
_changes: dict[str, list[str]] = {}


@dataclass(frozen=True)
class SlowImport:
    """The heavy library that the import of an entry point has brought, and how long that took."""

    origin: str
    library: str
    seconds: float


def slow_imports() -> Mapping[str, SlowImport]:
    """The plugins, by name, whose import in this process brought a heavy library."""
    return _slow


def changes_by_imports(names: Collection[str] | None = None) -> list[str]:
    """What the imports of these plugins, or of all in this process, have changed for everybody: sentences."""
    return [said for name, each in _changes.items() if names is None or name in names for said in each]


def heavy_modules() -> set[str]:
    """The heavy libraries that this process has imported."""
    return {name for name in HEAVY if name in sys.modules}


def heaviest(libraries: Collection[str]) -> str:
    """The one of these heavy `libraries` that imported the others."""
    return next(each for each in HEAVY if each in libraries)


def refuse(distributions: Mapping[str, str]) -> None:
    """Import nothing of these `distributions` from now on, for the reason that each has; `plugins.locking` asks."""
    _refused.clear()
    _refused.update(distributions)


def forget() -> None:
    """Read anew when next asked, since something was installed."""
    read.cache_clear()


def installed(group: Group) -> Mapping[str, Installed]:
    """Everything in `group` by name, in alphabetical order."""
    return read().groups[group.key]


def usable(group: Group) -> list[str]:
    """The names of `group` that can be used as far as names tell."""
    return [name for name, found in installed(group).items() if not found.refusal]


def find(group: Group, name: str) -> Installed:
    """The one called `name`; raises `CallsheetError` with the nearest name, or with why this one cannot be used."""
    if (found := installed(group).get(name)) is None:
        raise CallsheetError(no_such(group, name))
    if refusal := found.refusal:
        raise CallsheetError(refusal)
    return found


def no_such(group: Group, name: str) -> str:
    """Say that nothing is called `name`; a name that Hydra cut short is told by the one that it was."""
    if cut := [found.refusal for other, found in installed(group).items() if other.startswith(f"{name}.")]:
        return cut[0]
    names = usable(group)
    said = f"No {group.noun} named {name!r} is installed.{did_you_mean(name, names)}"
    return f"{said} Installed: {', '.join(names) or 'none'}."


def load(group: Group, name: str) -> Any:
    """Import what `name` stands for; raises `CallsheetError` with the culprit and what would help."""
    found = find(group, name)
    who = f"{group.title} {name!r} from {found.origin}"
    if reason := _refused.get(found.distribution):
        raise CallsheetError(f"{who} is not imported: {reason}")
    before, started = heavy_modules(), perf_counter()
    if found.entry_point.value.partition(":")[0].strip() in sys.modules:
        return _import(found, who)
    from callsheet.foreign.running import foreign  # which listing does without

    with foreign(who) as changes:
        loaded = _import(found, who)
    if (brought := heavy_modules() - before) and group is PLUGINS:
        _slow[name] = SlowImport(found.origin, heaviest(brought), perf_counter() - started)
    _note(found, changes)
    return loaded


def _import(found: Installed, who: str) -> Any:
    from callsheet.foreign.running import failed, named

    try:
        return named(who, found.entry_point.load)
    except ImportError as error:
        raise CallsheetError(f"{who} could not be imported: {error}. {_advice(found, error)}") from error
    except AttributeError as error:
        raise CallsheetError(f"{who} names {found.entry_point.value}, which does not exist: {error}.") from error
    except CallsheetError as error:  # a setting that cannot be one: callsheet.settings
        raise CallsheetError(f"{who}: {str(error)[:1].lower()}{str(error)[1:]}") from error
    except Exception as error:
        raise CallsheetError(f"{who} {failed(error)}") from error


def _note(found: Installed, changes: list[str]) -> None:
    """Keep them for the preflight of a run that selects the plugin; of what else packages bring, log them now."""
    if found.group is PLUGINS:
        _changes.setdefault(found.name, []).extend(changes)
        return
    for said in changes:
        import logging

        logging.getLogger("callsheet").warning("%s", said)


def load_class(group: Group, name: str) -> Any:
    """Import the class that `name` stands for; raises `CallsheetError` also where it lacks a method of its group."""
    found, loaded = find(group, name), load(group, name)
    who = f"{group.title} {name!r} from {found.origin} names {found.entry_point.value}"
    if not isinstance(loaded, type):
        raise CallsheetError(f"{who}, which is no class.")
    if missing := [method for method in group.methods if _lacks(loaded, method)]:
        raise CallsheetError(f"{who}, which has no {' and no '.join(missing)}. It needs: {', '.join(group.methods)}.")
    return loaded


def _lacks(loaded: type, method: str) -> bool:
    function = getattr(loaded, method, None)
    return not callable(function) or getattr(function, "__isabstractmethod__", False)


def _by_name(group: Group, claims: Mapping[str, list[EntryPoint]]) -> dict[str, Installed]:
    return {name: Installed(first, group, tuple(rest)) for name, (first, *rest) in sorted(claims.items())}


def _advice(found: Installed, error: ImportError) -> str:
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if not missing or missing == found.entry_point.module.partition(".")[0]:
        return f"Reinstall {found.distribution}."
    if extra := _extra_that_brings(found.entry_point.dist, missing):
        return f"Install what it needs: pip install '{found.distribution}[{extra}]'."
    return f"Install the package it needs: pip install {missing}."


def _extra_that_brings(dist: Distribution | None, module: str) -> str | None:
    """The extra of the distribution that lists `module`, if one does."""
    from packaging.requirements import Requirement

    for line in (dist and dist.requires) or []:
        requirement = Requirement(line)
        if requirement.name.replace("-", "_").lower() != module.lower() or not requirement.marker:
            continue
        for extra in (dist and dist.metadata.get_all("Provides-Extra")) or []:
            if requirement.marker.evaluate({"extra": extra}) and not requirement.marker.evaluate({"extra": ""}):
                return str(extra)
    return None
