"""Overrides as people type them, said in Hydra's words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from callsheet.config.experiment.words import MEANT, WRITTEN
from callsheet.config.texts.paths import kind_of_path
from callsheet.config.texts.typed import refuse_unmeant
from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points
from callsheet.plugins.groups import PLUGINS as GROUP
from callsheet.secrets import redact_override, secrets_at

PLUGINS, MORE, LESS = "plugins", "more_plugins", "less_plugins"
LOCK = "plugins_lock"
ADD, REMOVE = f"+{PLUGINS}=", f"~{PLUGINS}="
# Hydra's own way to remove one; it gets lost in a sweep.
REMOVED = re.compile(rf"~{PLUGINS}\.([\w-]+)=?")
SWEEPS = re.compile(r"-m|--multirun|\+*hydra\.mode=['\"]?(RunMode\.)?(MULTIRUN|2)['\"]?")
# In a sweep, what a setting belongs to may be selected by other runs only.
SETTING = re.compile(rf"{PLUGINS}\.[\w-]+(\.|=\{{)")
# A key in one of these need not be in the YAML: arguments of others, and the entries of a plugin's dictionary.
OPEN = re.compile(
    r"(trainer\.args|peft\.args|callbacks|model\.kwargs|launch\.config|dataset\.eval|plugins\.[\w-]+\.\w+|"
    r"experiment\.(arms|matrix|stages|search\.space))(\.|=\{)"
)
TEXT = [
    "output_dir",
    "resume",
    "plugins_lock",
    "experiment",
    "experiment.name",
    "experiment.hypothesis",
    "model.path",
    "dataset.path",
    "dataset.split",
    "dataset.eval",
    "dataset.eval_path",
    "dataset.eval_split",
]


def is_sweep(overrides: Sequence[str]) -> bool:
    """Whether what was typed asks for a sweep, by a flag or in Hydra's configuration.

    >>> is_sweep(["-m"]), is_sweep(["++hydra.mode=RunMode.MULTIRUN"]), is_sweep(["hydra.mode=RUN"])
    (True, True, False)
    """
    return any(map(SWEEPS.fullmatch, overrides))


def translated(overrides: Sequence[str]) -> list[str]:
    """What people type, in the words that Hydra wants.

    `trainer.args.x=1` gets the `++` that Hydra asks for before a key the YAML does not list. `+plugins=c` joins what a
    recipe or another override selected, and `~plugins=c` leaves it out, through groups of their own: Hydra would drop
    the one in silence, and does not know the other for a list. Raises `CallsheetError` for a plugin that is installed
    under a name that Hydra cannot read.

    >>> translated(["plugins=[a]", "+plugins=b", "+plugins=c", "~plugins=a", "trainer.args.max_steps=9"])
    ['plugins=[a]', '++trainer.args.max_steps=9', 'more_plugins=[b,c]', 'less_plugins=a']
    """
    overrides = [item.replace(WRITTEN, MEANT) for item in overrides]
    refuse_unmeant(overrides)
    for item in overrides:
        _refuse_untypable(item)
    overrides = [REMOVED.sub(rf"{REMOVE}\1", item) if REMOVED.fullmatch(item) else _quoted(item) for item in overrides]
    open_keys = [OPEN, SETTING] if is_sweep(overrides) else [OPEN]
    rest = [item for item in overrides if not item.startswith((ADD, REMOVE))]
    return [
        *(f"++{item}" if any(key.match(item) for key in open_keys) else item for item in rest),
        *_of_group(MORE, [item.removeprefix(ADD) for item in overrides if item.startswith(ADD)]),
        *_of_group(LESS, [item.removeprefix(REMOVE) for item in overrides if item.startswith(REMOVE)]),
    ]


def lock_in(overrides: Sequence[str]) -> str | None:
    """The file that these overrides name as the lock of plugins: it is to be known before any plugin is imported."""
    named = [value.strip("'\"") for key, _, value in (item.partition("=") for item in overrides) if key == LOCK]
    return named[-1] if named and named[-1] not in ("", "null") else None


NAMES_FOLDERS = re.compile(
    r"[+~]*(experiment(?:\.name)?|output_dir|resume|hydra\.(run|sweep)\.(dir|subdir)|hydra\.job\.name)=(.*)", re.S
)
OF_ENVIRONMENT = re.compile(r"\$\{oc\.env:(\w+)")


def refuse_secret_names(overrides: Sequence[str]) -> None:
    """Raise `CallsheetError` for a secret that would name a folder, before Hydra makes it for a sweep."""
    for item in overrides:
        if found := NAMES_FOLDERS.fullmatch(item):
            values = [os.environ.get(name, "") for name in OF_ENVIRONMENT.findall(found[4])]
            refuse_secret(found[1], [found[4], *values])


def shown_secrets(overrides: Sequence[str]) -> list[str]:
    """A warning if one of `overrides`, as somebody typed them, holds a secret."""
    keys = [as_typed(item).partition("=")[0] for item in overrides if redact_override(item) != item]
    return [
        f"{key} was typed with its secret, and everybody on this machine may read the command of a process. Set an "
        f"environment variable to it, and write '{key}=${{oc.env:VARIABLE}}'."
        for key in keys[:1]
    ]


def refuse_secret(where: str, value: Any) -> None:
    """Raise `CallsheetError` if `value`, of the setting `where`, holds a secret."""
    for place, kind in secrets_at(where, value):
        raise CallsheetError(
            f"{place.partition('[')[0]} holds {kind}. It would stand in names, logs and files of the model, which "
            "others may see. Write another value: what needs a secret reads it from the environment."
        )


def as_typed(override: str) -> str:
    """An override as it was typed, before it was translated.

    >>> as_typed("more_plugins=[b,c]"), as_typed("++trainer.args.max_steps=9")
    ('+plugins=[b,c]', 'trainer.args.max_steps=9')
    """
    for group, typed in ((MORE, ADD), (LESS, REMOVE)):
        if override.startswith(f"{group}="):
            return typed + override.removeprefix(f"{group}=")
    line = override.removeprefix("++")
    return line if OPEN.match(line) or SETTING.match(line) else override


def _of_group(group: str, values: Sequence[str]) -> list[str]:
    if len(values) > 1:
        return [f"{group}=[{','.join(item.strip('[]') for item in values)}]"]
    return [f"{group}={item}" for item in values]


def _refuse_untypable(override: str) -> None:
    """Here, since Hydra would say something else, or cut the name short, before it looks for the plugin."""
    key, _, value = override.lstrip("+~").partition("=")
    if override in (f"~{PLUGINS}", REMOVE):
        raise CallsheetError(f"{override} names no plugin: write ~plugins=NAME, or plugins=[] for none at all.")
    named = [name.strip(" '\"") for name in value.strip("'\"").strip("[]").split(",")] if key == PLUGINS else []
    for name, found in entry_points.installed(GROUP).items():
        if GROUP.problem_with(name) and (name in named or key.startswith(f"{PLUGINS}.{name}.")):
            raise CallsheetError(found.refusal)


def _quoted(override: str) -> str:
    """Paths and splits in the quotes that Hydra wants around `~`, spaces, brackets and letters with accents."""
    key, equals, value = override.partition("=")
    plain = re.fullmatch(r"[\w./:@%+?|$*{},-]*", value, re.ASCII)
    if not (key.lstrip("+") in TEXT or kind_of_path(key.lstrip("+"))) or not equals or plain or value[:1] in "'\"[{":
        return override
    return f"{key}={json.dumps(value, ensure_ascii=False)}"
