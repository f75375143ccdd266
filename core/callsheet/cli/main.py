"""The `callsheet` command."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli import experiment as experiment_commands
from callsheet.cli import extra_commands
from callsheet.cli import outbox as outbox_commands
from callsheet.cli import plugins as plugin_commands
from callsheet.cli import status as status_command
from callsheet.cli.extra_commands import HYDRA
from callsheet.distributed.world import World, take_arm, world
from callsheet.errors import CallsheetError, PluginFailure, sentences
from callsheet.plugins.entry_points import changes_by_imports
from callsheet.process.exit import die_with_driver
from callsheet.process.printed import print_no_secrets
from callsheet.process.streams import outlive_the_terminal, unwritten, work_comes_first
from callsheet.screen import on_a_screen, printable

if TYPE_CHECKING:  # what only some commands use is imported by them: listing plugins takes as long as its imports
    from collections.abc import Sequence
    from pathlib import Path

    from omegaconf import DictConfig

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
    return _hydra("train", _train, tuple(revealed(overrides)), experiment_commands.sweep)


@cli.command(context_settings=HYDRA, short_help="Find what is wrong with a configuration; loads nothing.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def check(overrides: tuple[str, ...]) -> int:
    return _hydra("check", _check, overrides)


@cli.command(context_settings=HYDRA, short_help="Say where every plugin and value comes from.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def explain(overrides: tuple[str, ...]) -> int:
    return _hydra("explain", _explain, overrides)


cli.add_command(experiment_commands.experiment)
cli.add_command(outbox_commands.outbox)
cli.add_command(plugin_commands.plugins)
cli.add_command(status_command.status)


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


def _hydra(name: str, task: Any, overrides: tuple[str, ...], swept: Any = None) -> int:
    if {"-h", "--help"} & set(overrides):
        from callsheet.cli.help import usage

        click.echo(usage(name, overrides), nl=False)
        return 0
    from callsheet.cli.hydra_app import run_app

    return run_app(name, task, overrides, swept)


def _train(config: DictConfig, overrides: list[str]) -> int:
    from callsheet.cli.views.summary import show
    from callsheet.config.compose import flags
    from callsheet.disk.os_errors import Refused, explained
    from callsheet.distributed.slurm import is_first_node
    from callsheet.distributed.world import arm_file
    from callsheet.experiments.expanding.plain import require_one_run
    from callsheet.outbox.counts import counts_of, sentence
    from callsheet.preflight.preflight import require, require_plan
    from callsheet.process.signals import Interrupted
    from callsheet.run.resume import is_complete
    from callsheet.run.train import check, say_loading, train, warned
    from callsheet.session.status import attempts_of, where_it_lies

    here = world()
    if not here.is_worker:
        require_one_run(config, arm_file())
    work_comes_first()
    outlive_the_terminal()
    plan = require_plan(config, [] if here.is_driven else overrides)  # a worker's driver has looked already
    plan = replace(plan, overrides=(*flags(), *overrides))
    if is_complete(plan):
        if here.is_main:
            click.echo(on_a_screen(_nothing_left(plan.run_dir)))
        return _say_unpublished(counts_of(plan.run_dir), plan.run_dir) if here.is_main else 0
    attempts = attempts_of(plan.run_dir)
    try:
        if plan.launch.name != "single" and not here.is_worker:
            from callsheet.launch import nodes, on_nodes
            from callsheet.launch.launcher import launch

            report = check(plan)
            if on_nodes.wanted(plan):
                require(report)
                return on_nodes.run(plan, [*flags(), *overrides])
            speaks = is_first_node(os.environ)  # the others would say the same
            require(warned(report) if speaks else report)
            nodes.require(plan)
            if speaks:
                say_loading(plan)
            launch(plan, [*flags(), *overrides])
            return _say_unpublished(counts_of(plan.run_dir), plan.run_dir)
        session = train(plan)
    except Interrupted as signal:
        signal.advice = f" {where_it_lies(plan.run_dir, attempts)}".rstrip()
        if said := sentence(counts_of(plan.run_dir), plan.run_dir):
            signal.advice += f"\ncallsheet: {said}"
        raise
    except Exception as raised:
        error = explained(raised, [plan.run_dir], overrides) or raised
        if here.is_main and not here.is_driven:
            by_mistake = _is_mistake(error)
            if not by_mistake:
                _say_unpublished(counts_of(plan.run_dir), plan.run_dir)
            stays = by_mistake and not isinstance(error, Refused)  # once a path is open, the same command goes on
            if said := where_it_lies(plan.run_dir, attempts, by_mistake=stays):
                error.add_note(said)  # which Python prints below a traceback
        if error is not raised:
            raise error from raised
        raise
    if session.state.is_main:
        show(session)
    if here.is_driven or not here.is_main:
        return 0  # the driver says it: a worker's code other than 0 is a failure to the launcher
    return _say_unpublished(session.unpublished(), plan.run_dir)


def _is_mistake(error: Exception) -> bool:
    """Whether the user can correct it, wherever it was found."""
    from callsheet.launch.failures import WorkerFailure

    code = error.failure.exit_code if isinstance(error, WorkerFailure) else None
    return isinstance(error, CallsheetError) or code == USAGE_ERROR


def _nothing_left(folder: Path) -> str:
    from callsheet.rundir.rundir import RunDir

    outcome = RunDir(folder, is_main=False).run().get("outcome") or {}
    if not (stopped_by := outcome.get("stopped_by")):
        return f"This run is complete; nothing is left to train. Its directory is {folder}."
    return f"This run was stopped by a plugin: {stopped_by}. To go on all the same, set resume={folder}/checkpoint-N."


def _say_unpublished(counts: dict[str, int], run_dir: Path) -> int:
    from callsheet.outbox.counts import NOT_ALL_PUBLISHED, left_to_you, sentence

    for line in filter(None, (left_to_you(counts, run_dir), said := sentence(counts, run_dir))):
        click.echo(f"callsheet: {line}", err=True)
    return NOT_ALL_PUBLISHED if said else 0


def _check(config: DictConfig, overrides: list[str]) -> int:
    from callsheet.experiments.composing.checking import checked, has_arms
    from callsheet.preflight.preflight import require, require_plan
    from callsheet.run.train import check

    if has_arms(config):
        return _say_checked(*checked(config, overrides))
    plan = require_plan(config, overrides)
    report = check(plan)
    for warning in report.warnings:
        click.echo(on_a_screen(f"warning: {warning}"), err=True)
    require(report)
    for note in report.notes:
        click.echo(on_a_screen(note))
    named = [name for name, written in plan.callbacks.items() if written]
    callbacks = f" Callbacks: {', '.join(named)}." if named else ""
    selected = f"Plugins: {', '.join(plan.plugins) or 'none'}.{callbacks}"
    click.echo(printable(f"Nothing wrong found. {selected} Run directory: {plan.run_dir}"))
    return 0


def _say_checked(warnings: Sequence[str], said: str) -> int:
    for warning in warnings:
        click.echo(on_a_screen(f"warning: {warning}"), err=True)
    click.echo(printable(said))
    return 0


def _explain(config: DictConfig, overrides: list[str]) -> int:
    from callsheet.cli.views import explain

    explain.show(explain.explain(config))
    return 0
