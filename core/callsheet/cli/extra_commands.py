"""Commands that installed packages add to `callsheet`: found by metadata, imported when they are called."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

import click

from callsheet.errors import CallsheetError
from callsheet.plugins.registry import origin_of

GROUP = "callsheet.commands"


@cache
def installed() -> dict[str, EntryPoint]:
    """Who brings which command, by the metadata alone."""
    return {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}


class Commands(click.Group):
    """A group of commands, some of which come from entry points; its own cannot be replaced."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *installed()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _load(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What packages add is told by its origin, for its own words would have to be imported."""
        rows = []
        for name in self.list_commands(ctx):
            own = super().get_command(ctx, name)
            rows.append((name, own.get_short_help_str(80) if own else f"From {origin_of(installed()[name])}."))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _load(name: str) -> click.Command | None:
    if name not in installed():
        return None
    try:
        command = installed()[name].load()
    except (ImportError, AttributeError) as error:
        origin = origin_of(installed()[name])
        raise CallsheetError(f"The command {name!r} from {origin} could not be imported: {error}.") from error
    if not isinstance(command, click.Command):
        raise CallsheetError(f"The command {name!r} from {origin_of(installed()[name])} is no click command.")
    return command
