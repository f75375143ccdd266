"""`callsheet experiment`: begin an experiment or go on with it, work on its arms, and look at it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callsheet.cli.extra_commands import HYDRA
from callsheet.cli.seconds import SECONDS
from callsheet.errors import CallsheetError, did_you_mean

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from callsheet.experiments.driver.asked import Asked

HELPING = {"help_option_names": ["-h", "--help"]}  # which Hydra takes for itself elsewhere
DRIVE = "drive"  # the command without a name


class _Group(click.Group):
    """Everything that names no subcommand is what an experiment is begun with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not ctx.resilient_parsing:
            _refuse_misspelt(args[0], [name for name in self.commands if name != DRIVE])
        named = bool(args) and args[0] in self.commands and args[0] != DRIVE
        return super().parse_args(ctx, args if named else [DRIVE, *args])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == DRIVE else name), command, rest


def _refuse_misspelt(word: str, commands: Sequence[str]) -> None:
    """Raise `CallsheetError` for `stauts`, which is no override either."""
    if word not in commands and word.isalpha() and (near := did_you_mean(word, commands)):
        raise CallsheetError(f"callsheet experiment has no command {word!r}.{near}")


@click.group(cls=_Group, short_help="Run the arms of an experiment, and say who won.", context_settings=HYDRA)
def experiment() -> None:
    pass


@experiment.command(DRIVE, context_settings=HYDRA, hidden=True)
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
@click.option("--rerun", metavar="ARM", multiple=True, help="Run this arm again.")
@click.option("--add-repeats", metavar="N", type=click.IntRange(min=1), help="Seeds to add to each arm.")
def drive(overrides: tuple[str, ...], rerun: tuple[str, ...], add_repeats: int | None) -> int:
    if {"-h", "--help"} & {*overrides}:
        from callsheet.cli.help import usage

        click.echo(usage("experiment", overrides), nl=False)
        return 0
    return driven(overrides, rerun, add_repeats or 0)


@experiment.command(
    context_settings=HELPING, short_help="Work on the arms of an experiment, on any machine that sees its directory."
)
@click.argument("directory", type=click.Path(path_type=Path, readable=False))
@click.option("--idle", type=SECONDS, default=0.0, metavar="SECONDS", help="Stay so long without work.")
def work(directory: Path, idle: float) -> int:
    """Claim the next arm of the experiment in DIRECTORY, run it, and again, until none is left.

    Any number of workers may join and leave while it runs, on any machine that sees the directory and has this version
    of Callsheet. After a signal, the run saves a checkpoint, and its arm waits for another worker.
    """
    import logging
    import os

    from callsheet.distributed.world import DRIVER
    from callsheet.experiments.workers import work as work_on
    from callsheet.process import logs
    from callsheet.process.streams import outlive_the_terminal, work_comes_first

    logs.show()
    if DRIVER in os.environ:  # which says itself how each arm has ended
        logging.getLogger("callsheet").setLevel(logging.WARNING)
    work_comes_first()
    outlive_the_terminal()
    return work_on(directory, idle=idle)


@experiment.command(
    context_settings=HELPING, short_help="Say where an experiment stands: its arms, its workers, and who is ahead."
)
@click.argument("directory", type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def status(directory: Path, as_json: bool) -> int:
    """Look at the experiment in DIRECTORY, from any machine that sees it; changes nothing.

    On a terminal it looks again and again while somebody works; Ctrl-C ends the looking alone. Where experiment.json is
    damaged, the rest is shown, and the exit code is 2.
    """
    from callsheet.cli.views import experiment_status
    from callsheet.disk.os_errors import at_door

    with at_door():
        return experiment_status.show(directory.expanduser(), as_json=as_json)


@experiment.command(context_settings=HELPING, short_help="Go on with an experiment by its directory.")
@click.argument("directory", type=click.Path(path_type=Path, readable=False))
@click.option("--rerun", metavar="ARM", multiple=True, help="Run this arm again; its old run is moved aside.")
@click.option("--add-repeats", metavar="N", type=click.IntRange(min=1), help="Seeds to add to each arm.")
def resume(directory: Path, rerun: tuple[str, ...], add_repeats: int | None) -> int:
    """Give the command again that began the experiment in DIRECTORY, in the folder in which it was given.

    Arms that have ended stay, those that were interrupted go on from their last checkpoint, and the rest is run.
    """
    import os

    from callsheet.experiments.driver import record

    folder = directory.expanduser().absolute()
    found = record.require(folder)
    command, is_sweep = record.command_of(found, folder)
    os.chdir(found.command.cwd)
    return (driven_sweep if is_sweep else driven)(command, rerun, add_repeats or 0)


def driven(overrides: Sequence[str], rerun: Sequence[str] = (), add_repeats: int = 0) -> int:
    """Begin, or go on with, the experiment that these overrides and flags name; returns an exit code."""
    from functools import partial

    from callsheet.cli.hydra_app import run_app

    task = partial(_drive, rerun=tuple(rerun), add_repeats=add_repeats)
    return run_app("experiment", task, tuple(overrides), _no_sweep)


def driven_sweep(overrides: Sequence[str], rerun: Sequence[str] = (), add_repeats: int = 0) -> int:
    """The same for `callsheet train -m`."""
    from functools import partial

    from callsheet.cli.hydra_app import run_app

    swept = partial(sweep, rerun=tuple(rerun), add_repeats=add_repeats)
    return run_app("train", _no_single_run, ("-m", *overrides), swept)


def _drive(config: DictConfig, overrides: list[str], *, rerun: tuple[str, ...], add_repeats: int) -> int:
    from callsheet.experiments.driver import asking

    return _carry_out(asking.by_file(config, overrides, rerun=rerun, add_repeats=add_repeats))


def sweep(config: DictConfig, typed: list[str], *, rerun: tuple[str, ...] = (), add_repeats: int = 0) -> int:
    """What Hydra calls for `callsheet train -m`."""
    from callsheet.experiments.driver import asking

    return _carry_out(asking.by_sweep(config, typed, rerun=rerun, add_repeats=add_repeats))


def _no_sweep(config: DictConfig, typed: list[str]) -> int:
    raise CallsheetError(
        "An experiment makes several runs by itself: list them below 'arms:' or 'matrix:' in its file, or sweep over a "
        "plain configuration with callsheet train -m …"
    )


def _no_single_run(config: DictConfig, overrides: list[str]) -> int:
    raise AssertionError("Hydra makes a sweep of what has -m")


def _carry_out(asked: Asked) -> int:
    from callsheet.cli.views import experiment_end, experiment_progress
    from callsheet.experiments.driver.drive import drive as carry_out
    from callsheet.process.streams import outlive_the_terminal, work_comes_first

    work_comes_first()
    outlive_the_terminal()
    with experiment_progress.shown(asked.folder) as look:
        end = carry_out(asked, lambda begun: look(len(begun.arms)))
    experiment_end.show(end)
    return end.exit_code
