"""Hydra's and OmegaConf's errors in plain words, without advice that would be wrong here."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    ConfigTypeError,
    OmegaConfBaseException,
    ValidationError,
)

from callsheet.config import places, shapes
from callsheet.config.experiment.files import BY_PATH, in_folder, key_in
from callsheet.config.overrides import LESS, MORE, PLUGINS, as_typed
from callsheet.config.texts.keys import lines_of, nodes_of
from callsheet.config.texts.typed import unreadable_sign
from callsheet.disk.os_errors import DiskFailed, explained
from callsheet.disk.standing import short
from callsheet.errors import CallsheetError, did_you_mean, first_line
from callsheet.plugins.registry import installed, no_such_plugin
from callsheet.privates.hydra import SEARCHED
from callsheet.secrets import redact_override

LIST_FOR_NAMES = "Cannot merge DictConfig with ListConfig"  # OmegaConf 2.3
MEANINGS = {  # of what OmegaConf 2.3 says
    r"Cannot assign \w+ to Dict\[": "it takes values by name, as in {name: value}",
    r"Invalid value assigned: \w+ is not a ListConfig": "it takes a list, as in [value]",
    r"Cannot convert 'ListConfig' to string": "it takes a text, and no list",
    r"Cannot convert 'DictConfig' to string": "it takes a text, and no values by name",
    r"field '.+' is not Optional": "it is empty. Give it a value, or leave it out",
}
GROUPS = ("recipe", "experiment", "model", "dataset", "trainer", "peft", "launch", PLUGINS)
ONE_EACH = "add -m for one run with each"
OF_HYDRA = ("hydra", "more_plugins", "recipe")


def plain(error: BaseException) -> Exception:
    """The `CallsheetError` that says what `error` means to a user; an error that is none of theirs comes back as is."""
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, (CallsheetError, DiskFailed)):
            return link
    if refused := explained(error, typed=sys.argv[1:]):
        return refused
    for link in chain:
        if isinstance(link, (ConfigKeyError, ConfigAttributeError)) and link.full_key:
            if link.full_key == "recipe":
                return CallsheetError(_misplaced(chain))
            return CallsheetError(_unknown_key(link) + _where(chain, str(link.full_key)))
        if isinstance(link, (ValidationError, ConfigTypeError)) and link.full_key:
            return CallsheetError(f"{link.full_key}: {_said(link)}.{_where(chain, str(link.full_key))}")
        if isinstance(link, MissingConfigException):
            return CallsheetError(_missing_option(link) + _where(chain))
        if isinstance(link, OverrideParseException):
            return CallsheetError(_unreadable(link))
        if isinstance(link, yaml.MarkedYAMLError):
            return CallsheetError(_no_yaml(link))
        if isinstance(link, RecursionError):
            return CallsheetError(f"A value is nested too deeply, or a file includes itself.{_where(chain)}")
    for link in chain:
        if several := re.match("Ambiguous value for argument '(.*)'", str(link)):
            return CallsheetError(_several(as_typed(several[1])))
        if sweeps := re.match(r"Sweep parameters '\+*(.*)' requires --multirun", str(link)):
            return CallsheetError(f"{as_typed(sweeps[1])} is a sweep: write a single value, or {ONE_EACH}.")
        if chosen := re.match(r"In '(.+)': Could not override '([^'@]+)", str(link)):
            return CallsheetError(_no_group(chain, *chosen.groups()))
        if isinstance(link, (HydraException, OmegaConfBaseException)):
            if said := _misshapen(chain):
                return CallsheetError(said)
            return CallsheetError(_without_plus(str(link)) or type(link).__name__)
    return error if isinstance(error, Exception) else CallsheetError(str(error))


def _no_yaml(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{short(Path(str(mark.name)))}, line {mark.line + 1}" if mark else "A file"
    return f"{place}: {error.problem or error.context}."


def _unreadable(error: OverrideParseException) -> str:
    override = redact_override(str(error.override).lstrip("+~"))  # Hydra's signs, which callsheet puts there
    if "=" not in override:
        return f"{override!r} is no override: write key=value, without spaces, as in recipe=demo."
    if said := unreadable_sign(override):
        return said
    advice = "Put the value into quotes that Hydra sees, as in 'key=\"value\"'."
    if override.startswith("experiment.") and "=" in override.partition("=")[2]:  # which holds overrides itself
        advice = "Put each override of an arm into quotes that Hydra sees, as in 'experiment.arms.a=[\"peft=lora\"]'."
    return f"{override!r} cannot be read: {first_line(error).rstrip('.')}. {advice}"


def _said(error: OmegaConfBaseException) -> str:
    said = first_line(error).rstrip(".")
    if said == LIST_FOR_NAMES and isinstance(error.parent_node, DictConfig):  # it says the same of names for a list
        return "it takes values by name, as in {name: value}, and no list"
    for written, meaning in MEANINGS.items():
        if re.match(written, said):
            return meaning
    return said


def _several(override: str) -> str:
    key, _, values = override.partition("=")
    return f"{override} has several values: write '{key}=[{values}]' for a list, or {ONE_EACH}."


def _no_group(chain: list[BaseException], config_path: str, group: str) -> str:
    place = _line(chain, config_path, "defaults") or config_path
    return f"{place}: defaults override {group!r}, and no such group is chosen from.{did_you_mean(group, GROUPS)}"


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _unknown_key(error: OmegaConfBaseException) -> str:
    parent, full_key = error.parent_node, str(error.full_key)
    known = [str(name) for name in parent if name not in OF_HYDRA] if isinstance(parent, DictConfig) else []
    if isinstance(parent, DictConfig) and full_key.rpartition(".")[0] == PLUGINS:
        # A recipe may set plugins that this run does not select; they have no class.
        known = [name for name in known if OmegaConf.get_type(parent, name) not in (dict, type(None))]
    elif full_key.startswith(f"{PLUGINS}.") and full_key.count(".") == 2 and OmegaConf.get_type(parent) in (None, dict):
        return f"{full_key} cannot be set: {full_key.split('.')[1]} is not selected."
    return unknown_key(full_key, known, places.of(full_key.rpartition(".")[2], parent))


def unknown_key(full_key: str, known: Sequence[str], elsewhere: Sequence[str] = ()) -> str:
    """`plugins.bema.update_frq` is no setting; say which there are, or that the plugin is not selected.

    `elsewhere` are settings of that name in other sections: who writes `seed=1` means one of them.
    """
    section, _, key = full_key.rpartition(".")
    if section == "plugins":
        selected = ", ".join(known) or "none"
        if key in installed():
            return f"Plugin {key!r} is not selected, so plugins.{key} cannot be set. Selected: {selected}."
        return (
            f"No plugin named {key!r} is selected.{did_you_mean(key, [*known, *installed()])} Selected: {selected}; "
            f"installed: {', '.join(installed())}."
        )
    if section == "experiment" and key in places.SECTIONS:
        return (
            f"{full_key} is no setting of an experiment. Write it in 'overrides:', for all arms; or begin the file "
            f"with the line '# @package _global_', and write {key}: beside experiment:."
        )
    owner = f"Plugin {section.split('.')[1]!r}" if section.startswith("plugins.") else section or "The configuration"
    offer = f" Did you mean {' or '.join(elsewhere)}?" if elsewhere else did_you_mean(key, known)
    return f"{owner} has no setting {key!r}.{offer} It has: {', '.join(sorted(known))}."


def _misplaced(chain: list[BaseException]) -> str:
    """Hydra puts what a file holds under the name of its folder unless the file's first line says otherwise."""
    found = _where(chain).removeprefix(" (In ").removesuffix(".)")
    file = found if ".yaml" in found else f"{found}.yaml" if found.startswith("recipe/") else "A recipe"
    return f"{file} must begin with the line '# @package _global_', or nothing that it sets would count."


def _missing_option(error: MissingConfigException) -> str:
    loading = re.search(r"Could not load '(\S+)'", str(error))
    wanted = loading.group(1) if loading else str(error.missing_cfg_file or "")
    group, _, option = wanted.removesuffix(".yaml").rpartition("/")
    if place := wanted.startswith(("model/", "dataset/")):
        group, _, option = wanted.partition("/")
    options = list(error.options or [])
    if group in (PLUGINS, MORE, LESS):
        return _no_plugin(option, [] if group == LESS else [one for one in options if one not in installed()])
    if not options:
        said = [line.strip().rstrip(".") for line in str(error).splitlines()[:2] if "search path" not in line]
        return _without_plus(". ".join(filter(None, said)))
    known = f"{group} has no option {option!r}.{did_you_mean(option, options)} It has: {', '.join(options)}."
    if group == "recipe":
        return f"{known} For a recipe of your own, name the folder above recipe/: --config-dir FOLDER."
    return f"{known} For a file, a folder or a repository: {group}.path={option}" if place else known


def _no_plugin(name: str, presets: Sequence[str]) -> str:
    """No plugin is called `name`, and no preset, which is a file in `plugins/` of a folder of configurations."""
    if not presets:
        return no_such_plugin(name)
    near = did_you_mean(name, [*presets, *installed()])
    known = f"Presets: {', '.join(presets)}; installed: {', '.join(installed())}."
    return f"There is no plugin and no preset named {name!r}.{near} {known}"


def _where(chain: list[BaseException], key: str = "") -> str:
    """The override or file that Hydra was merging, when it said so; with the line of `key`, if the file has it."""
    for link in chain:
        found = re.search(r"Error merging override \+*(.+)|In '([^']+)'", str(link))
        if found and found.group(2) != "config":  # which is Callsheet's own, and no place to mend
            return f" (In {found.group(1) or _line(chain, found.group(2), key) or found.group(2)}.)"
    return ""


def _file(chain: list[BaseException], config_path: str) -> Path | None:
    """The file in a folder that Hydra calls `config_path`; None for one of a package."""
    place = in_folder(config_path.replace(f"{MORE}/", f"{PLUGINS}/", 1))
    by_path = (BY_PATH,) if place.startswith("/") else ()
    folders = by_path or next((link.__dict__[SEARCHED] for link in chain if SEARCHED in link.__dict__), ())
    files = (Path(folder, f"{place}.yaml") for folder in folders)
    return next((file for file in files if file.is_file()), None)


def _line(chain: list[BaseException], config_path: str, key: str) -> str:
    """That file, and the line in which it sets `key`."""
    if not (file := _file(chain, config_path)):
        return ""
    lines = {".".join(each): line for each, line in lines_of(file.read_text(encoding="utf-8"))}
    own = next((line for each, line in lines.items() if each and f".{key}".endswith(f".{each}")), None)
    return f"{short(file)}:{own}" if own else short(file)


def _misshapen(chain: list[BaseException]) -> str:
    """The first setting of the file that Hydra was merging that has another shape than it takes."""
    found = next((part for link in chain if (part := re.search(r"^In '([^']+)'", str(link)))), None)
    if not found or not (file := _file(chain, found[1])):
        return ""
    text = file.read_text(encoding="utf-8")
    for written, value, line in nodes_of(text):
        if said := shapes.wrong(key_in(found[1], text, written), value):
            return f"{short(file)}:{line}: {said}"
    return ""


def _without_plus(text: str) -> str:
    """Drop Hydra's "use +key": on plain YAML the typo would then pass in silence."""
    return "\n".join(line for line in text.splitlines() if "use +" not in line)
