"""Tab completion: Hydra's own, for a command that has subcommands, and inside `plugins=[a,b]`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence


def complete(arguments: list[str], commands: Sequence[str]) -> int:
    """Answer `-sc install=bash`, `-sc uninstall=bash` and, for the shell, `-sc query=bash`."""
    if not any(argument.startswith("query=") for argument in arguments):
        return _hydra(arguments)
    words = os.environ.get("COMP_LINE", "").split(" ")[1:]
    if len(words) <= 1:
        print(" ".join(command for command in commands if command.startswith(words[0] if words else "")))
        return 0
    command, rest = words[0], words[1:]
    if command == "plugins" or (elements := _list_elements(rest[-1])) is not None:
        print(" ".join(_names(rest[-1]) if command == "plugins" else elements or []))
        return 0
    # Hydra drops the first word as the program's name.
    os.environ["COMP_LINE"] = " ".join(["callsheet", *rest])
    return _hydra(arguments)


def _hydra(arguments: list[str]) -> int:
    import hydra

    from callsheet.cli.hydra_app import as_typed
    from callsheet.config import compose

    compose.bind()
    app = hydra.main(
        version_base=compose.VERSION_BASE, config_path=f"pkg://{compose.CONFIG_MODULE}", config_name="config"
    )
    with as_typed(["callsheet", *arguments]):
        app(lambda config: None)()
    return 0


def _list_elements(word: str) -> list[str] | None:
    """How `plugins=[a,b` can go on; None for any other word."""
    match = re.match(r"^('?plugins=\[(?:[\w-]+,)*)([\w-]*)$", word)
    if not match:
        return None
    start, last = match.groups()
    taken = re.findall(r"[\w-]+", start.partition("[")[2])
    return [f"{start}{name}" for name in _names(last) if name not in taken]


def _names(prefix: str) -> list[str]:
    from callsheet.plugins import entry_points
    from callsheet.plugins.groups import PLUGINS

    return [name for name in entry_points.usable(PLUGINS) if name.startswith(prefix)]
