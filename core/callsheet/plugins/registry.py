"""Which plugins are installed, read from entry-point metadata alone, and how a chosen one is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from callsheet import setting_errors
from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points
from callsheet.plugins.entry_points import Installed
from callsheet.plugins.groups import PLUGINS

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from callsheet.hooks import Plugin


def installed() -> Mapping[str, Installed]:
    """Every installed plugin by name, in alphabetical order, importing none of them."""
    return entry_points.installed(PLUGINS)


def find(name: str) -> Installed:
    """The installed plugin called `name`; raises `CallsheetError` with the nearest name, or naming both claimants."""
    return entry_points.find(PLUGINS, name)


def load(name: str) -> type[Plugin]:
    """Import the class behind plugin `name`, and check that it is a `Plugin` written for this version of the API."""
    from callsheet.hooks import Plugin
    from callsheet.plugins.validation import init_problem

    found, loaded = find(name), entry_points.load(PLUGINS, name)
    if not (isinstance(loaded, type) and issubclass(loaded, Plugin)):
        raise CallsheetError(
            f"Plugin {name!r} from {found.origin} names {found.entry_point.value}, which is not a class that "
            "inherits from callsheet.Plugin."
        )
    if problem := api_problem(loaded.requires_api, found.distribution):
        raise CallsheetError(f"Plugin {name!r} from {found.origin} {problem}")
    if problem := init_problem(loaded):
        raise CallsheetError(f"Plugin {name!r} from {found.origin}: {problem}")
    return loaded


def structured(name: str) -> DictConfig:
    """The settings of plugin `name` with their defaults; raises `CallsheetError` for a type that OmegaConf refuses."""
    from omegaconf import DictConfig, OmegaConf

    plugin, who = load(name), f"Plugin {name!r} from {find(name).origin}"
    try:
        made = OmegaConf.structured(plugin)
    except Exception as error:  # NameError for a type that is not there, AssertionError for an odd one
        raise CallsheetError(f"{who}: {setting_errors.refusal(plugin, error)}") from error
    if wrong := setting_errors.wrong_default(plugin):
        raise CallsheetError(f"{who}: {wrong}")
    assert isinstance(made, DictConfig)
    return made


def no_such_plugin(name: str) -> str:
    return entry_points.no_such(PLUGINS, name)


def api_problem(requires_api: object, distribution: str) -> str:
    """What is wrong with `requires_api`, as the end of a sentence; empty when this Callsheet satisfies it."""
    from callsheet.hooks import API_VERSION, Plugin

    if requires_api == Plugin.requires_api:  # packaging takes longer to import than a plugin
        return ""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        accepted = SpecifierSet(str(requires_api))
    except InvalidSpecifier:
        return f"has requires_api = {requires_api!r}, which is not a version range such as '>=1,<2'."
    if API_VERSION in accepted:
        return ""
    return (
        f"needs Callsheet API {requires_api}; this is {API_VERSION}. "
        f"Install a version of {distribution} made for it, or another callsheet."
    )
