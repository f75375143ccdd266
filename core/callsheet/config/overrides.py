"""Overrides as people type them, said in Hydra's words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points
from callsheet.plugins.groups import PLUGINS as GROUP

PLUGINS, MORE = "plugins", "more_plugins"
ADD = f"+{PLUGINS}="
# A key in one of these need not be in the YAML: arguments of others, and the entries of a plugin's dictionary.
OPEN = re.compile(
    r"(trainer\.args|peft\.args|callbacks|model\.kwargs|launch\.config|dataset\.eval|plugins\.[\w-]+\.\w+)(\.|=\{)"
)
TEXT = [
    "output_dir",
    "resume",
    "experiment",
    "model.path",
    "dataset.path",
    "dataset.split",
    "dataset.eval",
    "dataset.eval_path",
    "dataset.eval_split",
]


def translated(overrides: Sequence[str]) -> list[str]:
    """What people type, in the words that Hydra wants.

    `trainer.args.x=1` gets the `++` that Hydra asks for before a key the YAML does not list. `+plugins=c` joins what a
    recipe or another override selected, through a group of its own: Hydra would drop it in silence. Raises
    `CallsheetError` for a plugin that is installed under a name that Hydra cannot read.

    >>> translated(["plugins=[a]", "+plugins=b", "+plugins=c", "trainer.args.max_steps=9"])
    ['plugins=[a]', '++trainer.args.max_steps=9', 'more_plugins=[b,c]']
    """
    for item in overrides:
        _refuse_untypable(item)
    overrides = [_quoted(item) for item in overrides]
    added = [item.removeprefix(ADD) for item in overrides if item.startswith(ADD)]
    rest = [f"++{item}" if OPEN.match(item) else item for item in overrides if not item.startswith(ADD)]
    if len(added) > 1:
        return [*rest, f"{MORE}=[{','.join(item.strip('[]') for item in added)}]"]
    return [*rest, *(f"{MORE}={item}" for item in added)]


def typed(overrides: Sequence[str]) -> list[str]:
    """The reverse of `translated`: what Hydra was given, in the words in which people type it.

    >>> typed(["++trainer.args.max_steps=9", "more_plugins=[b,c]", "+seed=1"])
    ['trainer.args.max_steps=9', '+plugins=[b,c]', '+seed=1']
    """
    plain = (item[2:] if item.startswith("++") and OPEN.match(item[2:]) else item for item in overrides)
    return [f"{ADD}{item.removeprefix(f'{MORE}=')}" if item.startswith(f"{MORE}=") else item for item in plain]


def _refuse_untypable(override: str) -> None:
    """Here, since Hydra would say something else, or cut the name short, before it looks for the plugin."""
    key, _, value = override.lstrip("+").partition("=")
    named = [name.strip(" '\"") for name in value.strip("'\"").strip("[]").split(",")] if key == PLUGINS else []
    for name, found in entry_points.installed(GROUP).items():
        if GROUP.problem_with(name) and (name in named or key.startswith(f"{PLUGINS}.{name}.")):
            raise CallsheetError(found.refusal)


def _quoted(override: str) -> str:
    """Paths and splits in the quotes that Hydra wants around `~`, spaces, brackets and letters with accents."""
    key, equals, value = override.partition("=")
    plain = re.fullmatch(r"[\w./:@%+?|$*{},-]*", value, re.ASCII)
    if key.lstrip("+") not in TEXT or not equals or plain or value[:1] in "'\"[{":
        return override
    return f"{key}={json.dumps(value, ensure_ascii=False)}"
