"""Everything that can be known to be wrong before training, found without torch."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from callsheet import data, rewards
from callsheet.config.plan import Plan
from callsheet.config.schema import ModelSettings
from callsheet.distributed.world import world
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.introspect.classes import constructor
from callsheet.launch import devices, engines
from callsheet.plugins.lineup import Lineup
from callsheet.preflight import report_to
from callsheet.records import LogContext, ManifestRow, PreflightReport
from callsheet.rundir import checkpoints, compatibility, reuse
from callsheet.rundir.rundir import RunDir
from callsheet.trainer import adapters, chat_template, models
from callsheet.trainer import args as trainer_args
from callsheet.trainer.saved_adapters import base_of


def preflight(plan: Plan, lineup: Lineup) -> PreflightReport:
    """Check settings, files, run directory and resume, then ask the plugins; loads nothing."""
    report = PreflightReport()
    for problem in (
        *trainer_args.problems(plan.trainer.args, plan.trainer.config_class),
        *trainer_args.range_problems(plan.trainer.args),
        *report_to.problems(plan.trainer.args.get("report_to")),
        *adapters.problems(plan.peft),
        *rewards.problems(plan.trainer),
        *_reference_problems(plan),
        *data.inspect(plan.dataset, plan.trainer),
        *models.class_problems(plan.model),
        *chat_template.problems(plan.model.chat_template),
        *_model_problems(plan),
        *_callback_problems(plan),
        *engines.problems(plan.launch, plan.trainer.args),
        *_push_problems(plan, lineup),
        *_unserved(plan),
        *_run_dir_problems(plan),
    ):
        report.problem(problem)
    _check_devices(plan, report)
    ctx = context(plan)
    ctx.publishes = lineup.publishes
    lineup.hooks.preflight(ctx=ctx, report=report)
    return report


def require(report: PreflightReport) -> None:
    """Raise one `CallsheetError` with all problems of `report`."""
    if report.problems:
        raise CallsheetError("\n".join(report.problems))


def context(plan: Plan) -> LogContext:
    return LogContext(plan.run_dir, plan.experiment, plan.run_dir.name, dict(plan.composed))


def _check_devices(plan: Plan, report: PreflightReport) -> None:
    if world().is_worker:
        return  # whoever started it has chosen the number
    problems, warnings = devices.problems(plan)
    report.problems += problems
    report.warnings += warnings


def _model_problems(plan: Plan) -> list[str]:
    path = Path(plan.model.path).expanduser()
    if path.is_dir():
        return _folder_problems(plan, path)
    if plan.model.path.startswith((".", "/", "~")) or plan.model.path.count("/") > 1 or path.is_file():
        return [f"model.path={plan.model.path} is not a folder.{_nearest_sibling(path)}"]
    return []


def _folder_problems(plan: Plan, path: Path) -> list[str]:
    names = {entry.name for entry in path.iterdir()}
    if not names & {"config.json", "adapter_config.json"}:
        return [f"model.path={plan.model.path} holds no config.json, so it is no model."]
    if base := base_of(plan.model):
        return _adapter_problems(plan, base)
    has_weights = any(name.endswith((".safetensors", ".bin", ".index.json")) for name in names)
    if plan.model.init == "pretrained" and not has_weights:
        return [f"model.path={plan.model.path} holds no weights. To draw them at random, set model.init=config."]
    return []


def _adapter_problems(plan: Plan, base: ModelSettings) -> list[str]:
    if plan.peft.type:
        return [
            f"model.path={plan.model.path} is an adapter, which trains on as it is; leave peft={plan.peft.type} out."
        ]
    if Path(base.path).is_absolute() and not Path(base.path).is_dir():
        return [f"model.path={plan.model.path} is an adapter of {base.path}, which is not there any more."]
    return []


def _reference_problems(plan: Plan) -> list[str]:
    takes = constructor(plan.trainer.trainer_class) if plan.trainer.ref_model else None
    if takes is None or takes.kwarg or "ref_model" in {argument.arg for argument in takes.args + takes.kwonlyargs}:
        return []
    return [f"trainer={plan.trainer.name} compares with no other model; leave trainer.ref_model out."]


def _callback_problems(plan: Plan) -> list[str]:
    found = []
    for name, spec in plan.callbacks.items():
        path = spec.get("path") if isinstance(spec, dict) else None
        if not path or "." not in str(path):
            found.append(f"callbacks.{name}.path must name a class, as in callbacks.{name}.path=pkg.module.Class.")
        elif find_spec(str(path).partition(".")[0]) is None:
            package = str(path).partition(".")[0]
            found.append(f"callbacks.{name}.path={path}: there is no package {package!r}.")
    return found


def _push_problems(plan: Plan, lineup: Lineup) -> list[str]:
    if plan.finish.push and not lineup.publishers:
        return ["finish.push=true, but no selected plugin publishes. Select one, or leave finish.push out."]
    return []


def _unserved(plan: Plan) -> list[str]:
    chosen = {"launch": plan.launch.name, "trainer": plan.trainer.name}
    return [
        f"Plugin {name!r} cannot serve {group}={value}: {plugin.cannot_serve[value]} Leave one of the two out."
        for name, plugin in plan.plugins.items()
        for group, value in chosen.items()
        if value in plugin.cannot_serve
    ]


def _run_dir_problems(plan: Plan) -> list[str]:
    """Whether the run directory is free, or holds the same run to be continued from a checkpoint that fits."""
    run_dir = RunDir(plan.run_dir, is_main=False)
    if problems := reuse.path_problems(plan.run_dir):
        return problems
    if plan.resume not in ("auto", "never"):
        row, _ = checkpoints.choose(plan.resume, run_dir)
        wrong = _resume_problems(plan, row)
    else:
        complete, _ = checkpoints.survey(run_dir) if plan.resume == "auto" else ([], [])
        wrong = _resume_problems(plan, complete[0] if complete else None)
    return reuse.occupant_problems(plan.run_dir, plan.resume, plan.composed) or wrong


def _resume_problems(plan: Plan, row: ManifestRow | None) -> list[str]:
    """Whether the checkpoint fits the engine, and the model where that is a folder."""
    if row is None:
        return []
    path = Path(plan.model.path).expanduser() / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    config.pop("vocab_size", None)  # a chat template may add tokens; the model itself is compared once it is there
    processes = (plan.launch.processes or 0) * plan.launch.nodes or None
    wrong = compatibility.misfit(row.path, plan.launch.name, processes) or compatibility.another_model(row.path, config)
    return [wrong] if wrong else []


def _nearest_sibling(path: Path) -> str:
    try:
        return did_you_mean(path.name, [entry.name for entry in path.absolute().parent.iterdir() if entry.is_dir()])
    except OSError:
        return ""
