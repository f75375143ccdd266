"""How files name an experiment: by the section, or by a text, which is its name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from callsheet.config.experiment.words import GROUP, MEANT, WRITTEN
from callsheet.errors import CallsheetError

GLOBAL = "_global_"
IS_GLOBAL = re.compile(r"(\s*#.*\n|\s*\n)*\s*#\s*@package\s+_global_")
BY_PATH = "/"  # the folder of files that are named by their absolute path


def with_section(found: ConfigResult, path: str) -> ConfigResult:
    """A file with its experiment below that section, and `${experiment}` as its name.

    A file of the group may leave the section out, so that its defaults are those of the whole: `override /recipe: demo`
    would else mean a recipe within the experiment. Elsewhere, `experiment: text` sets the name.
    """
    if not isinstance(found.config, DictConfig):
        return found
    content = cast("dict[str, Any]", OmegaConf.to_container(found.config, resolve=False))
    header = dict(found.header)
    if (GROUP, header.get("package")) in ((path.partition("/")[0], None), (path.partition("/")[0], GROUP)):
        content, header = _below_section(content), {**header, "package": GLOBAL}
    elif header.get("package") == GLOBAL or "/" not in path:
        content = named_by(content)
    if isinstance(content.get(GROUP), dict):
        content = {**content, GROUP: _text_keys(content[GROUP], f"{in_folder(path)}.yaml: {GROUP}")}
    return replace(found, config=OmegaConf.create(meant_in(content)), header=header)


def _text_keys(value: Any, where: str) -> Any:
    """With numbers as the names that they look like; `off:` is no name, and YAML reads it as false."""
    if isinstance(value, list):
        return [_text_keys(item, where) for item in value]
    if not isinstance(value, dict):
        return value
    for key in value:
        if key is None or isinstance(key, bool):
            raise CallsheetError(f"{where} has the key {str(key).lower()}: YAML reads it so. Put the name in quotes.")
    return {str(key): _text_keys(item, f"{where}.{key}") for key, item in value.items()}


def _below_section(content: dict[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in content.items() if key != "defaults"}
    return {**({"defaults": content["defaults"]} if "defaults" in content else {}), GROUP: own}


def key_in(path: str, text: str, key: str) -> str:
    """The `key` in the `text` of a file, as the configuration has it."""
    below = path.startswith(f"{GROUP}/") and not IS_GLOBAL.match(text)
    return f"{GROUP}.{key}".rstrip(".") if below else key


def named_by(content: dict[str, Any]) -> dict[str, Any]:
    """A configuration with the section `experiment`, also where it has a text in its place, as 0.1.0 wrote it."""
    named = content.get(GROUP)
    is_name = GROUP in content and not isinstance(named, (dict, list))
    return {**content, GROUP: {"name": named}} if is_name else content


def meant_in(value: Any) -> Any:
    """`value` with `${experiment}` as the name in every text.

    >>> meant_in({"run_name": "${experiment}-1"})
    {'run_name': '${experiment.name}-1'}
    """
    if isinstance(value, str):
        return value.replace(WRITTEN, MEANT)
    if isinstance(value, dict):
        return {key: meant_in(item) for key, item in value.items()}
    return [meant_in(item) for item in value] if isinstance(value, list) else value


def in_folder(config_path: str) -> str:
    """The path of a user's file, which Hydra is told as an option of the group, or `config_path` itself."""
    return config_path.removeprefix(f"{GROUP}/") if config_path.startswith(f"{GROUP}//") else config_path
