"""The `callsheet` command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli import experiment as experiment_commands
from callsheet.cli import extra_commands
from callsheet.cli import outbox as outbox_commands
from callsheet.cli import plugins as plugin_commands
from callsheet.cli.extra_commands import HYDRA
from callsheet.distributed.world import World, take_arm, world
from callsheet.errors import CallsheetError, PluginFailure, sentences
from callsheet.plugins.entry_points import changes_by_imports
from callsheet.process.exit import die_with_driver
from callsheet.process.printed import print_no_secrets
from callsheet.process.streams import unwritten
from callsheet.screen import on_a_screen, printable

if TYPE_CHECKING:  # what only some commands use is imported by them: listing plugins takes as long as its imports
    from callsheet.launch.failures import Failure

USAGE_ERROR = 2


@click.group(cls=extra_commands.Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callsheet")
def cli() -> None:
    """Post-training runs with the plugins you choose.

    \b
    callsheet train recipe=demo
    callsheet train model.path=MODEL dataset.path=data.jsonl 'plugins=[bema,csv_metrics]'
    """


@cli.command(context_settings=HYDRA, short_help="Train a model; --help lists what can be set.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def train(overrides: tuple[str, ...]) -> int:
    from callsheet.launch.hidden_overrides import revealed

    take_arm()
    return _hydra("train", tuple(revealed(overrides)), experiment_commands.sweep)


@cli.command(context_settings=HYDRA, short_help="Find what is wrong with a configuration; loads nothing.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def check(overrides: tuple[str, ...]) -> int:
    return _hydra("check", overrides)


@cli.command(context_settings=HYDRA, short_help="Say where every plugin and value comes from.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def explain(overrides: tuple[str, ...]) -> int:
    return _hydra("explain", overrides)


cli.add_command(experiment_commands.experiment)
cli.add_command(outbox_commands.outbox)
cli.add_command(plugin_commands.plugins)


def main() -> None:
    """Run the command line: exit code 2 for a user's mistake, 1 for a run that failed, 128+n after signal n.

    3 says that the model was trained, and that not everything the run had to publish was published.
    """
    if sys.argv[1:2] and sys.argv[1] in ("-sc", "--shell-completion"):
        from callsheet.cli.completion import complete

        sys.exit(complete(sys.argv[1:], cli.list_commands(click.Context(cli))))
    print_no_secrets()
    die_with_driver()
    try:
        code = cli.main(prog_name="callsheet", standalone_mode=False) or 0
    except (SystemExit, click.exceptions.Exit):
        raise
    except BaseException as error:
        code = _ended(error, world())  # which a task of srun has only joined since
    sys.exit(code or _unwritten())


def _unwritten() -> int:
    """Say that what was asked for could not be shown, and return the exit code that this comes to."""
    if not (error := unwritten()):
        return 0
    click.echo(f"callsheet: The output could not be written: {error.strerror}.", err=True)
    return 1


def _ended(error: BaseException, here: World) -> int:
    """Say how the command ended, and return its exit code. A worker leaves a note, and its driver does the talking."""
    from callsheet.disk.os_errors import DiskFailed, explained
    from callsheet.launch.failures import WorkerFailure, failure, leave_note
    from callsheet.process.signals import Interrupted

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return USAGE_ERROR
    if isinstance(error, click.ClickException):
        error = CallsheetError(_of_click(error))
    if isinstance(error, (click.exceptions.Abort, KeyboardInterrupt)):
        return 130
    error = explained(error, typed=sys.argv[1:]) or error
    known = isinstance(error, (CallsheetError, DiskFailed, Interrupted, PluginFailure, WorkerFailure))
    if not known:
        for said in changes_by_imports():
            error.add_note(said)  # it may be the reason
    if not known and not here.is_worker:
        raise error
    failed = error.failure if isinstance(error, WorkerFailure) else failure(error, here.rank)
    if here.is_worker:
        leave_note(failed)
    if not here.is_driven and not getattr(error, "is_echo", False):
        _say(error, failed)
    # The driver is told by the note; a worker that ends otherwise than with 0 has its launcher stop the others.
    return 0 if here.is_driven and isinstance(error, Interrupted) and error.orderly else failed.exit_code


def _of_click(error: click.ClickException) -> str:
    """What click refuses, in our style, with the page that helps."""
    said = " ".join(line.strip() for line in error.format_message().splitlines())
    here = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "callsheet"
    return sentences(said, f"See {here.strip()} --help")


def _say(error: BaseException, failed: Failure) -> None:
    from callsheet.disk.os_errors import DiskFailed
    from callsheet.process.signals import Interrupted

    if isinstance(error, Interrupted):
        click.echo(printable(f"callsheet: {failed.message}.{error.advice}"), err=True)
    elif isinstance(error, (CallsheetError, DiskFailed)) or failed.exit_code == USAGE_ERROR:
        click.echo(f"{click.style('callsheet', bold=True)}: {on_a_screen(failed.message)}", err=True)
    else:
        click.echo(printable(f"{failed.trace}\n" if failed.trace else ""), err=True, nl=False)
        click.echo(on_a_screen(f"callsheet: {failed.said}"), err=True)
    for note in getattr(error, "__notes__", ()):
        click.echo(on_a_screen(f"callsheet: {note}"), err=True)


def _hydra(name: str, overrides: tuple[str, ...], swept: Any = None) -> int:
    if {"-h", "--help"} & set(overrides):
        from callsheet.cli.help import usage

        click.echo(usage(name, overrides), nl=False)
        return 0
    from callsheet.cli import tasks
    from callsheet.cli.hydra_app import run_app

    return run_app(name, tasks.TASKS[name], overrides, swept)
