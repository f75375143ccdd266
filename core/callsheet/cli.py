"""The `callsheet` command."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from callsheet.errors import CallsheetError, PluginFailure
from callsheet.outbox import commands
from callsheet.signals import Interrupted

if TYPE_CHECKING:
    from pathlib import Path

    from omegaconf import DictConfig

USAGE_ERROR = 2
HYDRA = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
    return _hydra("train", _train, overrides)


@cli.command(context_settings=HYDRA, short_help="Find what is wrong with a configuration; loads nothing.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def check(overrides: tuple[str, ...]) -> int:
    return _hydra("check", _check, overrides)


@cli.command(context_settings=HYDRA, short_help="Say where every plugin and value comes from.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def explain(overrides: tuple[str, ...]) -> int:
    return _hydra("explain", _explain, overrides)


@cli.command()
@click.argument("name", required=False)
def plugins(name: str | None) -> int:
    """List the installed plugins, or print the manual of one."""
    if name is None:
        from callsheet import listing

        listing.show(listing.listing())
    else:
        from callsheet import manual

        manual.show(manual.manual(name))
    return 0


cli.add_command(commands.outbox)


def main() -> None:
    """Run the command line: exit code 2 for a user's mistake, 1 for a run that failed, 128+n after signal n.

    3 says that the model was trained, and that not everything the run had to publish was published.
    """
    if sys.argv[1:2] and sys.argv[1] in ("-sc", "--shell-completion"):
        from callsheet.completion import complete

        sys.exit(complete(sys.argv[1:]))
    try:
        sys.exit(cli.main(prog_name="callsheet", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE_ERROR)
    except CallsheetError as error:
        click.echo(f"{click.style('callsheet', bold=True)}: {error}", err=True)
        sys.exit(USAGE_ERROR)
    except Interrupted as signal:
        click.echo(f"callsheet: stopped by {signal}.{signal.advice}", err=True)
        sys.exit(signal.exit_code)
    except PluginFailure as failure:
        cause = failure.__cause__ or failure
        click.echo("".join(traceback.format_exception(type(cause), cause, cause.__traceback__)), err=True, nl=False)
        click.echo(f"\ncallsheet: {failure}", err=True)
        sys.exit(1)
    except click.exceptions.Abort:
        sys.exit(130)


def _hydra(name: str, task: Any, overrides: tuple[str, ...]) -> int:
    from callsheet.app import run_app

    return run_app(name, task, overrides)


def _train(config: DictConfig, overrides: list[str]) -> int:
    from callsheet.outbox.shelves import counts_of
    from callsheet.plan import make_plan
    from callsheet.rundir import CHECKPOINTS
    from callsheet.summary import show
    from callsheet.train import is_complete, train

    plan = make_plan(config, overrides)
    if plan.resume == "auto" and is_complete(plan):
        click.echo(f"This run is complete; nothing is left to train. Its directory is {plan.run_dir}.")
        return _say_unpublished(counts_of(plan.run_dir), plan.run_dir)
    try:
        session = train(plan)
    except Interrupted as signal:
        if (plan.run_dir / CHECKPOINTS).exists():
            signal.advice = f" To go on from the last checkpoint, run it again with output_dir={plan.run_dir}"
        raise
    if session.state.is_main:
        show(session)
    return _say_unpublished(session.unpublished(), plan.run_dir)


def _say_unpublished(counts: dict[str, int], run_dir: Path) -> int:
    if said := commands.sentence(counts, run_dir):
        click.echo(f"callsheet: {said}", err=True)
    return commands.NOT_ALL_PUBLISHED if said else 0


def _check(config: DictConfig, overrides: list[str]) -> int:
    from callsheet.plan import make_plan
    from callsheet.preflight import insist
    from callsheet.train import check

    plan = make_plan(config, overrides)
    report = check(plan)
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    insist(report)
    click.echo(f"Nothing wrong found. Plugins: {', '.join(plan.plugins) or 'none'}. Run directory: {plan.run_dir}")
    return 0


def _explain(config: DictConfig, overrides: list[str]) -> int:
    from callsheet import explain

    explain.show(explain.explain(config))
    return 0
