"""What a file sets in another shape than a setting takes: values by name, or a list. OmegaConf names neither."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from callsheet.config.overrides import PLUGINS
from callsheet.config.schema import Root
from callsheet.errors import CallsheetError
from callsheet.plugins.registry import installed, load

SECTION = re.compile(
    r"|experiment|experiment\.(arms|matrix|stages|budget|search|sequential)|model|dataset|trainer|peft|launch|outbox|finish|callbacks|hydra|plugins\.\w+|trainer\.args|peft\.args|"
    r"model\.kwargs|launch\.config"
)  # which hold values by name, as the whole of a file does


def wrong(key: str, shape: str) -> str:
    """What is wrong with a `shape` (mapping, list, text, …) as the value of `key`; empty if nothing is known to be."""
    if SECTION.fullmatch(key) and shape != "mapping":
        named = f"{key} takes" if key else "A file takes"
        return f"{named} values by name, as in {key or 'model'}: {{name: value}}, and no {shape}."
    if shape == "mapping" and _takes_list(key):
        return f"{key} takes a list, as in {key.rpartition('.')[2]}: [value], and no values by name."
    return ""


def _takes_list(key: str) -> bool:
    """Whether the type of a setting of Callsheet, or of an installed plugin, is a list."""
    names = key.split(".")
    owner: Any = Root
    with suppress(CallsheetError, NameError, TypeError):  # a plugin that is broken is named elsewhere
        if names[0] == PLUGINS and len(names) > 1:
            owner, names = (load(names[1]) if names[1] in installed() else None), names[2:]
        for name in names:
            owner = get_type_hints(owner).get(name) if is_dataclass(owner) else None
        return list in {get_origin(owner), *map(get_origin, get_args(owner))}
    return False
