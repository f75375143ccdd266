"""One run, from a composed configuration to a saved model."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet import checkpoints, data
from callsheet.finish import finish
from callsheet.lineup import Lineup
from callsheet.plan import Plan
from callsheet.preflight import context, insist, preflight
from callsheet.records import ManifestRow, Report
from callsheet.rundir import RunDir
from callsheet.session import Session
from callsheet.signals import Interrupted, watched

logger = logging.getLogger("callsheet")


def check(plan: Plan) -> Report:
    """What is wrong with `plan`, found without torch and without writing anything."""
    return preflight(plan, Lineup(plan.plugins))


def is_complete(plan: Plan) -> bool:
    """Whether the run directory holds this very run, completed."""
    earlier = RunDir(plan.run_dir, is_main=False).run()
    return earlier.get("status") == "completed" and _work(earlier.get("config", {})) == _work(plan.composed)


def train(plan: Plan) -> Session:
    """Run `plan` and return its finished session.

    Raises `CallsheetError` for a user's mistake, before anything is written; `Interrupted` after a signal; whatever
    training raised otherwise. In each case after training began, `on_run_end` has run.
    """
    report = check(plan)
    for warning in report.warnings:
        logger.warning("%s", warning)
    insist(report)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with watched() as signals:
        from callsheet import training

        args = training.make_args(plan)
        _silence_bars()
        train_data, eval_data = data.load(plan.dataset)
        _insist_on_columns(plan, train_data.column_names)
        with Session(context(plan), plan.plugins, signals=signals, outbox=plan.outbox) as session:
            from callsheet.bridge import Bridge

            resume_from = _resume_from(plan, session)
            bridge = Bridge(session, resume_from.path if resume_from else None)
            callbacks = [bridge, *session.lineup.add_callbacks(session.state), *training.named_callbacks(plan, session)]
            trainer = training.make_trainer(plan, args, train_data, eval_data, callbacks)
            trainer.train(resume_from_checkpoint=str(resume_from.path) if resume_from else None)
            finish(trainer, session)
        if signals.received and session.result and session.result.status == "interrupted":
            raise Interrupted(signals.received)
    return session


def _work(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration decides the result."""
    return {key: value for key, value in config.items() if key not in ("output_dir", "resume", "experiment", "outbox")}


def _insist_on_columns(plan: Plan, columns: list[str] | None) -> None:
    """Check the columns of data from the Hub, which could not be seen before."""
    text_field = str(plan.trainer.args.get("dataset_text_field", "text"))
    path = plan.dataset.path or "dataset.mixture"
    insist(Report(data.missing_columns(columns, plan.trainer.columns, text_field, path)))


def _silence_bars() -> None:
    """In a log file, keep the bars of datasets and transformers out: each redraw would be a line."""
    if not sys.stderr.isatty():
        from datasets import disable_progress_bars  # type: ignore[import-untyped]  # datasets ships no types
        from transformers.utils import logging as transformers_logging

        disable_progress_bars()
        transformers_logging.disable_progress_bar()


def _resume_from(plan: Plan, session: Session) -> ManifestRow | None:
    """The checkpoint to go on from; what is torn is put aside, so that it never mixes with what is saved next."""
    row, torn = checkpoints.choose(plan.resume, RunDir(plan.run_dir, is_main=False))
    for wreck in torn:
        logger.warning("%s cannot be resumed from: %s. It was moved to torn/.", wreck.name, wreck.fault)
        session.run_dir.event("torn_checkpoint", name=wreck.name, fault=wreck.fault)
        if session.run_dir.is_main:
            _put_aside(plan.run_dir / wreck.name)
    if row:
        logger.info("Resuming from %s.", row.path)
        session.run_dir.event("resuming", checkpoint=str(row.path), step=row.step)
    return row


def _put_aside(folder: Path) -> None:
    shelf = folder.parent / "torn"
    shelf.mkdir(exist_ok=True)
    place = shelf / folder.name
    number = 1
    while place.exists():
        place = shelf / f"{folder.name}.{number}"
        number += 1
    folder.rename(place)
