"""One run, from a composed configuration to a saved model."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from typing import Any

from callsheet import data, named_callbacks
from callsheet.config.plan import Plan
from callsheet.distributed import hosts
from callsheet.distributed.collectives import all_gather, barrier, broadcast
from callsheet.distributed.world import World, world
from callsheet.errors import CallsheetError
from callsheet.launch import engines, shared_folder
from callsheet.launch.devices import on_cpu
from callsheet.plugins.lineup import Lineup
from callsheet.preflight.preflight import context, preflight, require
from callsheet.process import logs
from callsheet.process.gc_pause import gc_paused
from callsheet.process.signals import Interrupted, Signals, watched
from callsheet.process.warnings_once import warnings_once
from callsheet.records import PreflightReport
from callsheet.run import inventory, resume, unasked_trackers
from callsheet.run.finish import finish
from callsheet.rundir.again import compatibility
from callsheet.session.session import Session
from callsheet.trainer.inputs import evaluation_path, sets_of, training_path
from callsheet.trainer.made.batches import took_no_step

logger = logging.getLogger("callsheet")


def check(plan: Plan) -> PreflightReport:
    """Find what is wrong with `plan`, without torch and without writing a file."""
    return preflight(plan, Lineup(plan.plugins))


def train(plan: Plan) -> Session:
    """Run `plan` and return its finished session.

    Raises `CallsheetError` for a user's mistake, before anything is written, `Interrupted` after a signal, and any
    exception that training raised. If training had begun, `on_run_end` has run in each case.
    """
    here = world()
    if not here.is_driven:
        _checked(plan, here)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    logs.leave_out()
    with watched() as signals, warnings_once():
        with gc_paused():
            unasked_trackers.leave_out(plan.trainer.args.get("report_to"))
            from callsheet.loop.bridge import Bridge
            from callsheet.trainer import build
            from callsheet.trainer.made import prepared

            engines.prepare(plan.launch, on_cpu=on_cpu(plan))
            build.import_object(plan.trainer.config_class, "trainer.config_class")
            build.import_object(plan.trainer.trainer_class, "trainer.trainer_class")
            named = named_callbacks.load(plan.callbacks)
        args = build.make_args(plan)
        engines.require(plan.launch, here, args.world_size)
        engines.join(plan.launch)
        named_callbacks.make_early(named)
        plan = replace(plan, run_dir=broadcast(lambda: plan.run_dir))  # its name may hold the time
        args.output_dir = str(plan.run_dir)
        on = hosts.meet()
        if len(on) > 1:
            shared_folder.require(plan.run_dir)
        _silence_bars()
        train_data, eval_data = data.load(plan.dataset)
        _require_columns(plan, train_data, eval_data)
        if here.is_main and data.is_stream(train_data):
            uneven = data.uneven_share(train_data, args.world_size, args.dataloader_num_workers)
            warned(PreflightReport(warnings=[uneven] if uneven else []))
        material = build.prepare(plan, args, train_data, eval_data)
        with _session(plan, signals) as session:
            resume_from = broadcast(lambda: resume.checkpoint_of(plan, session))
            bridge = Bridge(session)
            bridge.branches = plan.branch and resume_from is not None and resume_from.path.parent != plan.run_dir
            callbacks = [bridge, *session.lineup.add_callbacks(session.state)]
            ready = named_callbacks.ready(named, session.lineup)
            trainer = build.make_trainer(plan, args, material, [*callbacks, *ready])
            bridge.meet(trainer)
            bridge.prepared = broadcast(lambda: prepared.look(trainer, material, plan))
            named_callbacks.complete(named, trainer, session.lineup, after=callbacks[-1])
            engine = engines.require_engine(plan.launch, trainer.accelerator)
            made = {"engine": engine, "processes": args.world_size, "started_by": here.starter}
            if len(on) > 1:
                made |= {"nodes": len(on), "hosts": on}
            session.run_dir.update_run(world=made)
            inventory.write(
                session, plan, trainer, train_data, eval_data, resumed=None if bridge.branches else resume_from
            )
            if resume_from:
                compatibility.require(resume_from, engine, args.world_size, trainer.model)
            session.lineup.hooks.on_trainer_ready(state=session.state)
            trainer.train(resume_from_checkpoint=str(resume_from.path) if resume_from else None)
            if not session.stopped_by and not any(all_gather(signals.received is not None)):
                broadcast(lambda: took_no_step(trainer))
            finish(trainer, session, plan)
        barrier()
        if signals.received and session.result and session.result.status == "interrupted":
            stopped = Interrupted(signals.received)
            stopped.orderly, stopped.is_echo = True, not here.is_main
            raise stopped
    return session


def _checked(plan: Plan, here: World) -> None:
    """Check on every rank: with srun, those that wait for one that was refused would wait for very long."""
    report = check(plan)
    if here.is_main:
        require(warned(report))
        say_loading(plan)
        return
    try:
        require(report)
    except CallsheetError as error:
        error.is_echo = True  # type: ignore[attr-defined]
        raise


def _session(plan: Plan, signals: Signals) -> Session:
    return Session(context(plan), plan.plugins, signals=signals, outbox=plan.outbox, overrides=plan.overrides)


def say_loading(plan: Plan) -> None:
    """Log one line before the seconds of imports that come first."""
    logger.info("Loading %s for trainer=%s. Run directory: %s", plan.model.path, plan.trainer.name, plan.run_dir)


def warned(report: PreflightReport) -> PreflightReport:
    """Log the warnings of `report` and return it."""
    for warning in report.warnings:
        logger.warning("%s", warning)
    return report


def _require_columns(plan: Plan, train: Any, evaluation: Any) -> None:
    """Check the columns of the loaded data; preflight could not see data from the Hub."""
    paths = {training_path(plan): train}
    paths |= {evaluation_path(plan, name): rows for name, rows in sets_of(evaluation).items()}
    for path, rows in paths.items():
        columns = data.columns_of(rows)
        require(PreflightReport(data.missing_columns(columns, plan.trainer, path)))
        if not data.is_stream(rows):
            evaluates = rows is not train
            require(PreflightReport(data.missing_lengths(columns, plan.trainer, path, evaluates=evaluates)))


def _silence_bars() -> None:
    """Disable the progress bars of datasets and transformers in a log file, where each redraw is a line."""
    if not sys.stderr.isatty():
        from datasets import disable_progress_bars  # type: ignore[import-untyped]  # datasets ships no types
        from transformers.utils import logging as transformers_logging

        disable_progress_bars()
        transformers_logging.disable_progress_bar()
