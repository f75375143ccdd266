"""Commands that installed packages add to `callsheet`: found by metadata, imported when they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points
from callsheet.plugins.entry_points import Installed
from callsheet.plugins.groups import COMMANDS
from callsheet.plugins.summaries import summary_of

# The `context_settings` of a command that takes overrides: what click does not know is for Hydra.
HYDRA: dict[str, Any] = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def installed() -> Mapping[str, Installed]:
    """Who brings which command, by the metadata alone."""
    return entry_points.installed(COMMANDS)


class Commands(click.Group):
    """A group of commands, some of which come from entry points; its own cannot be replaced."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *entry_points.usable(COMMANDS)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _load(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What packages add is told by the first line of its docstring, which is found without an import."""
        rows = []
        for name in self.list_commands(ctx):
            own = super().get_command(ctx, name)
            rows.append((name, own.get_short_help_str(80) if own else _summary(installed()[name])))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _summary(found: Installed) -> str:
    try:
        said = summary_of(found)
    except CallsheetError as error:
        said = f"broken: {error}"
    if not said:
        return f"From {found.origin}."
    return said if found.distribution == "callsheet" else f"{said} (From {found.origin}.)"


def _load(name: str) -> click.Command | None:
    if name not in installed():
        return None
    command = entry_points.load(COMMANDS, name)
    if not isinstance(command, click.Command):
        raise CallsheetError(f"Command {name!r} from {installed()[name].origin} is no click command.")
    return command
