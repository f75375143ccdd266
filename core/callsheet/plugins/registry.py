"""Which plugins are installed, read from entry-point metadata alone, and how a chosen one is imported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError, did_you_mean

if TYPE_CHECKING:
    from callsheet.hooks import Plugin

GROUP = "callsheet.plugins"


@dataclass(frozen=True)
class Installed:
    """One plugin that some installed distribution brings; `rivals` claim the same name for something else."""

    entry_point: EntryPoint
    rivals: tuple[EntryPoint, ...] = ()

    @property
    def name(self) -> str:
        return self.entry_point.name

    @property
    def distribution(self) -> str:
        return self.entry_point.dist.name if self.entry_point.dist else "unknown"

    @property
    def version(self) -> str:
        return self.entry_point.dist.version if self.entry_point.dist else "unknown"

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
        return f"Plugin {self.name!r} is claimed by {claims}. Uninstall all but one of them."


@cache
def installed() -> dict[str, Installed]:
    """Every installed plugin by name, in alphabetical order, importing none of them."""
    found: dict[str, list[EntryPoint]] = {}
    for entry_point in entry_points(group=GROUP):
        claims = found.setdefault(entry_point.name, [])
        if all(claim.value != entry_point.value or origin_of(claim) != origin_of(entry_point) for claim in claims):
            claims.append(entry_point)
    return {name: Installed(claims[0], tuple(claims[1:])) for name, claims in sorted(found.items())}


def find(name: str) -> Installed:
    """The installed plugin called `name`; raises `CallsheetError` with the nearest name, or naming both claimants."""
    plugins = installed()
    if name not in plugins:
        raise CallsheetError(no_such_plugin(name))
    if plugins[name].conflict:
        raise CallsheetError(plugins[name].conflict)
    return plugins[name]


def load(name: str) -> type[Plugin]:
    """Import the class behind plugin `name`, and check that it is a `Plugin` written for this version of the API."""
    from callsheet.hooks import Plugin

    found = find(name)
    try:
        loaded = found.entry_point.load()
    except ImportError as error:
        raise CallsheetError(_import_advice(found, error)) from error
    except AttributeError as error:
        raise CallsheetError(
            f"Plugin {name!r} from {found.origin} names {found.entry_point.value}, which does not exist: {error}."
        ) from error
    except (Exception, SystemExit) as error:
        raise CallsheetError(
            f"Plugin {name!r} from {found.origin} failed while it was imported: {type(error).__name__}: {error}."
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Plugin)):
        raise CallsheetError(
            f"Plugin {name!r} from {found.origin} names {found.entry_point.value}, which is not a class that "
            "inherits from callsheet.Plugin."
        )
    _check_api(found, loaded)
    return loaded


def no_such_plugin(name: str) -> str:
    near, names = did_you_mean(name, installed()), ", ".join(installed())
    return f"No plugin named {name!r} is installed.{near} Installed: {names or 'none'}."


def origin_of(entry_point: EntryPoint) -> str:
    return f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else entry_point.value


def _import_advice(found: Installed, error: ImportError) -> str:
    said = f"Plugin {found.name!r} from {found.origin} could not be imported: {error}."
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if not missing or missing == found.entry_point.module.partition(".")[0]:
        return f"{said} Reinstall {found.distribution}."
    if extra := _extra_that_brings(found, missing):
        return f"{said} Install what it needs: pip install '{found.distribution}[{extra}]'."
    return f"{said} Install the package it needs: pip install {missing}."


def _extra_that_brings(found: Installed, module: str) -> str | None:
    """The extra of the plugin's distribution that lists `module`, if one does."""
    from packaging.requirements import Requirement

    for line in (found.entry_point.dist.requires if found.entry_point.dist else None) or []:
        requirement = Requirement(line)
        if requirement.name.replace("-", "_").lower() != module.lower() or not requirement.marker:
            continue
        for extra in (
            found.entry_point.dist.metadata.get_all("Provides-Extra") if found.entry_point.dist else []
        ) or []:
            if requirement.marker.evaluate({"extra": extra}) and not requirement.marker.evaluate({"extra": ""}):
                return extra
    return None


def _check_api(found: Installed, plugin: type[Plugin]) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from callsheet.hooks import API_VERSION

    try:
        accepted = SpecifierSet(plugin.requires_api)
    except InvalidSpecifier as error:
        raise CallsheetError(
            f"Plugin {found.name!r} from {found.origin} has requires_api = {plugin.requires_api!r}, "
            "which is not a version range such as '>=1,<2'."
        ) from error
    if API_VERSION not in accepted:
        raise CallsheetError(
            f"Plugin {found.name!r} from {found.origin} needs Callsheet API {plugin.requires_api}; this is "
            f"{API_VERSION}. Install a version of {found.distribution} made for it, or another callsheet."
        )
