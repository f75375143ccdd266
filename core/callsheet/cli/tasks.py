"""What `callsheet train`, `check` and `explain` do with a configuration that Hydra has composed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callsheet.distributed.world import world
from callsheet.errors import CallsheetError
from callsheet.process.streams import outlive_the_terminal, work_comes_first
from callsheet.screen import on_a_screen, printable

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train_composed(config: DictConfig, overrides: list[str]) -> int:
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
    return isinstance(error, CallsheetError) or code == click.UsageError.exit_code


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


def check_composed(config: DictConfig, overrides: list[str]) -> int:
    from callsheet.experiments.composing.checking import checked, has_arms, is_from_file
    from callsheet.experiments.driver.same import refuse_taken
    from callsheet.preflight.preflight import require, require_plan
    from callsheet.run.train import check

    if has_arms(config):
        warnings, said, folder = checked(config, overrides)
        refuse_taken(folder)
        return _say_checked(warnings, said)
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
    lists_none = " Its experiment lists no arms, so this is one run." if is_from_file() else ""
    click.echo(printable(f"Nothing wrong found. {selected} Run directory: {plan.run_dir}{lists_none}"))
    return 0


def _say_checked(warnings: Sequence[str], said: str) -> int:
    for warning in warnings:
        click.echo(on_a_screen(f"warning: {warning}"), err=True)
    click.echo(printable(said))
    return 0


def explain_composed(config: DictConfig, overrides: list[str]) -> int:
    from callsheet.cli.views import explain

    explain.show(explain.explain(config))
    return 0


TASKS = {"train": train_composed, "check": check_composed, "explain": explain_composed}
