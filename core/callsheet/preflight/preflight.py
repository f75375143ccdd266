"""Runs all checks that need no torch, before training."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from callsheet import data, deprecations, named_callbacks, rewards
from callsheet.config.plan import Plan, make_plan, within_ranges
from callsheet.distributed.world import world
from callsheet.errors import CallsheetError, OutOfRange
from callsheet.launch import devices, engines, nodes
from callsheet.plugins.lineup import Lineup
from callsheet.preflight import (
    assistant_marks,
    choices,
    evaluation,
    generations,
    model_folder,
    model_pieces,
    numbers,
    plugin_imports,
    report_to,
    run_folder,
)
from callsheet.preflight.named import argument_files, places
from callsheet.records import LogContext, PreflightReport
from callsheet.trainer import adapters, chat_template, models
from callsheet.trainer import args as trainer_args

if TYPE_CHECKING:
    from omegaconf import DictConfig


def preflight(plan: Plan, lineup: Lineup) -> PreflightReport:
    """Check settings, files, run directory and resume, then call `preflight` of the plugins; loads nothing."""
    if closed := places.problems(plan):  # which every other check would stumble over
        return PreflightReport(closed)
    report = PreflightReport()
    arguments = trainer_args.problems(plan.trainer.args, plan.trainer.config_class)
    told = tuple(line.partition(" ")[0] for line in arguments)
    out_of_range = numbers.problems(plan)
    arguments += [line for line in out_of_range if not line.startswith(told)]
    if impossible := numbers.impossible(plan, out_of_range):
        return PreflightReport([*arguments, *impossible])
    for problem in (
        *arguments,
        *evaluation.problems(plan),
        *generations.problems(plan),
        *argument_files.problems(plan.trainer.args),
        *assistant_marks.problems(plan),
        *report_to.problems(plan.trainer.args.get("report_to")),
        *adapters.problems(plan.peft),
        *rewards.problems(plan.trainer),
        *choices.reference_problems(plan),
        *data.inspect(plan.dataset, plan.trainer),
        *data.metric_problems(plan.dataset, plan.trainer.args),
        *models.class_problems(plan.model),
        *chat_template.problems(plan.model.chat_template),
        *model_folder.problems(plan),
        *model_pieces.problems(plan),
        *named_callbacks.problems(plan),
        *engines.problems(plan.launch, plan.trainer.args),
        *choices.push_problems(plan, lineup),
        *choices.unserved(plan),
        *deprecations.selected_twice(plan.plugins),
    ):
        report.problem(problem)
    _check_run_folder(plan, report)
    report.warnings += deprecations.renamed_plugins(plan.plugins)
    report.warnings += model_folder.warnings(plan)
    report.warnings += model_pieces.warnings(plan)
    _check_devices(plan, report)
    ctx = context(plan)
    ctx.publishes = lineup.publishes
    with plugin_imports.watched(lineup, report):
        lineup.hooks.preflight(ctx=ctx, report=report)
    return report


def require_plan(config: DictConfig, overrides: Sequence[str] = ()) -> Plan:
    """`make_plan`, which, where settings are out of range, also says what else is wrong: all is corrected at once."""
    try:
        return make_plan(config, overrides)
    except OutOfRange as error:
        others: list[str] = []
        with suppress(Exception):  # it may stumble over what goes with the value that was meant
            plan = make_plan(within_ranges(config, error), overrides)
            others = preflight(plan, Lineup(plan.plugins)).problems
        raise CallsheetError("\n".join([str(error), *others])) from error


def require(report: PreflightReport) -> None:
    """Raise one `CallsheetError` with all problems of `report`, if there are any."""
    if report.problems:
        raise CallsheetError("\n".join(report.problems))


def context(plan: Plan) -> LogContext:
    return LogContext(plan.run_dir, plan.experiment, plan.run_dir.name, dict(plan.composed))


def _check_run_folder(plan: Plan, report: PreflightReport) -> None:
    problems, warnings = run_folder.check(plan)
    report.problems += problems
    report.warnings += warnings


def _check_devices(plan: Plan, report: PreflightReport) -> None:
    problems, warnings = nodes.problems(plan)
    report.problems += problems
    report.warnings += warnings
    if world().is_worker:
        return  # the starter of this worker has chosen the number of processes
    problems, warnings = devices.problems(plan)
    report.problems += problems
    report.warnings += warnings
