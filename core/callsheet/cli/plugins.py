"""`callsheet plugins`: what is installed, the manual of one, and the lock of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class _Plugins(click.Group):
    """A word that is no command of the group is the name of something installed."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["describe", *args])

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, command in sorted(self.commands.items()) if not command.hidden]

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[NAME | COMMAND …]"]


@click.group(cls=_Plugins, invoke_without_command=True, short_help="List what packages bring; NAME for its manual.")
@click.pass_context
def plugins(ctx: click.Context) -> int:
    """List plugins, engines, dispatchers, outbox kinds and commands, or print the manual of one, by its NAME."""
    return 0 if ctx.invoked_subcommand else _list(ctx)


@plugins.command(hidden=True)
@click.argument("name")
def describe(name: str) -> int:
    """Print the manual of what is installed under NAME."""
    from callsheet.cli.views import plugin_manual
    from callsheet.plugins import manual, registry

    parts = manual.parts(name)
    if name in registry.installed() or not parts:
        plugin_manual.show(manual.manual(name))
    for part in parts:
        plugin_manual.show_part(part)
    return 0


@plugins.command(short_help="Write the hashes of what is installed, for plugins_lock=FILE.")
@click.argument("file", type=click.Path(path_type=Path), default=Path("plugins.lock"))
def lock(file: Path) -> int:
    """Write the versions and hashes of all installed distributions that bring plugins to FILE, or plugins.lock.

    \b
    callsheet train plugins_lock=FILE ... then imports no plugin that differs.
    """
    from callsheet.plugins.locking import lock_file

    written = lock_file.write(file)
    click.echo("\n".join(written.lines))
    if written.changes is not None:
        click.echo("\n".join(["Other than before:", *written.changes] if written.changes else ["As it was before."]))
    click.echo(f"{file} holds them. A run with plugins_lock={file} imports no plugin that differs.")
    for said in written.left_out:
        click.echo(f"callsheet: {said} It is not in {file}, so such a run does not import it.", err=True)
    return click.UsageError.exit_code if written.left_out else 0


def _list(ctx: click.Context) -> int:
    from callsheet.process.gc_pause import gc_paused

    with gc_paused():  # what is read is small, lives to the end, and takes a quarter longer with the collector
        from callsheet.cli.views import plugin_list

        above: Any = ctx.find_root().command
        plugin_list.show(plugin_list.listing(above.commands))
    return 0
