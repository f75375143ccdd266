"""The one `TrainerCallback` that turns a Trainer's events into hooks."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import SaveStrategy

from callsheet.distributed.collectives import broadcast
from callsheet.loop import plugin_state
from callsheet.loop.extending import extend
from callsheet.loop.hosted import Hosted, rotate
from callsheet.loop.later import Later
from callsheet.loop.requests import Requests
from callsheet.loop.resuming import unreadable
from callsheet.loop.resuming.branching import OwnSettings, forget_best
from callsheet.loop.resuming.memory import Memory
from callsheet.loop.rollouts import RolloutRecorder
from callsheet.loop.step_metrics import StepMetrics, StepRecorder
from callsheet.loop.trainer_state import settle
from callsheet.records import LoopArtifacts, ManifestRow, Rollouts
from callsheet.rundir.checkpoints import manifest
from callsheet.rundir.revisions import relative
from callsheet.rundir.rundir import METRICS, now
from callsheet.session.session import Session
from callsheet.trainer.made import batches
from callsheet.values import numbers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from callsheet.trainer.made.prepared import Prepared


logger = logging.getLogger("callsheet")


class Bridge(TrainerCallback):
    """Calls the plugins of a session when its Trainer has an event."""

    heeds_steps = True  # on a resume: Trainer itself takes save_steps, eval_steps and logging_steps from the checkpoint

    def __init__(self, session: Session) -> None:
        self.session = session
        self.resume_from: Path | None = None
        self.recorder = StepRecorder(active=session.lineup.implements("on_step_end"))
        self.rollouts = RolloutRecorder(session.lineup.implements("on_rollouts"), self._on_rollouts)
        self.requests = Requests(session)
        self.later = Later(session)
        self.has_nothing_left = False
        self.prepared: Prepared | None = None  # what the trainer made of its data, where Callsheet built it
        self._began = time.perf_counter()
        self.memory = Memory()
        self.own_settings = OwnSettings()
        self.branches = False  # from the checkpoint of a run with other settings

    def meet(self, trainer: Any) -> None:
        """Host the finished `trainer`: give it the methods of `Hosted`, which tell this bridge more than events do."""
        loop = self.session.state
        extend(trainer, Hosted)
        trainer.callsheet_bridge = self
        loop.trainer, loop.accelerator, loop.args = trainer, trainer.accelerator, trainer.args
        loop.model, loop.tokenizer = trainer.model, cast("PreTrainedTokenizerBase", trainer.processing_class)
        loop.rank, loop.world_size = trainer.args.process_index, trainer.args.world_size
        loop.later = self.later.put

    @contextmanager
    def training(self, trainer: Any, resume_from: Path | None) -> Iterator[None]:
        """Wraps the call of `Trainer.train`; `resume_from` is the checkpoint passed to it."""
        self.resume_from = resume_from
        with unreadable.explained(resume_from):
            yield

    @contextmanager
    def making_loader(self, trainer: Any) -> Iterator[None]:
        """Wraps the making of a loader; what a script's Trainer raises there stays as it is."""
        with batches.lengths_known(trainer) if self.prepared else nullcontext():
            yield

    def loads(self, trainer: Any, loader: Any) -> None:
        """The Trainer has made the loader that training reads; without a batch in it, no step can be taken."""
        if self.prepared:
            left = self.prepared.train.left or 0
            broadcast(lambda: batches.require_batch(trainer, loader, left))

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        session, loop = self.session, self.session.state
        if self.prepared:
            broadcast(lambda: batches.require_steps(args, state.max_steps))
            self.prepared.say(loop.trainer, state.max_steps)
            session.run_dir.event("data", max_steps=state.max_steps, **self.prepared.numbers())
        self._began = time.perf_counter()
        loop.args, loop.max_steps = args, state.max_steps
        session.run_dir.update_run(max_steps=state.max_steps)
        loop.model, loop.optimizer = kwargs.get("model"), kwargs.get("optimizer")
        loop.tokenizer = kwargs.get("processing_class")
        loop.resumed_from = plugin_state.row_of(self.resume_from) if self.resume_from else None
        self._see(state)
        self.requests.open()
        self.later.forget()
        self.memory = Memory()  # a script may train twice
        if loop.resumed_from:
            self.restore_memory(state, loop.resumed_from)
            plugin_state.restore(session, loop.resumed_from)
        session.lineup.hooks.on_train_start(state=loop)
        self.has_nothing_left = 0 < state.max_steps <= state.global_step
        session.signals.patient = True
        if args.save_strategy == SaveStrategy.NO:
            session.signals.promise = "finishing this step; with save_strategy=no, nothing is saved"

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.memory.epoch_ends()
        if args.eval_strategy == "epoch":
            self.requests.no_more()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.requests.no_more()
        self.recorder.begin(kwargs.get("optimizer"))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        loop, session = self.session.state, self.session
        self._see(state)
        if session.late.look():
            self.rotate()
        if self.recorder.active:
            metrics = StepMetrics(self.recorder, loop.epoch)
            session.lineup.hooks.on_step_end(state=loop, step_idx=loop.step, batch=self.recorder.batch, metrics=metrics)
        if session.supervisor:
            session.supervisor.look()
        return self.requests.obey(args, state, control)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if not logs:
            return
        self._see(state)
        values = self._numbers(logs)
        if not any(key.startswith("eval_") for key in values):
            self._write_metrics("train", values)
            self.session.metrics.update({key: value for key, value in values.items() if key.startswith("train_")})
        self.session.lineup.hooks.on_log(state=self.session.state, logs=dict(values))

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> TrainerControl:
        self._see(state)
        settle(state.log_history[-1:])
        values, loop = self._numbers(metrics or {}), self.session.state
        name = _eval_name(values)
        self._write_metrics(name, values)
        self.session.metrics.update(values)
        self.session.lineup.hooks.on_eval(state=loop, step_idx=loop.step, eval_name=name, metrics=dict(values))
        return self.requests.obey(args, state, control)

    def saved(self, trainer: Any) -> bool:
        """The Trainer has written a checkpoint, and no callback knows of it yet: plugins complete it on every rank.

        Returns whether it is complete. If not, plugins still write parts of it beside training.
        """
        self._see(trainer.state)
        loop, session = self.session.state, self.session
        self._wait_for_everyone()  # rank 1 may come here before rank 0 has written the weights
        folder = Path(str(trainer.args.output_dir)).absolute() / f"checkpoint-{trainer.state.global_step}"
        row = ManifestRow(folder.name, trainer.state.global_step, loop.epoch, folder)
        self.memory.save(trainer, folder)
        failure = plugin_state.save(session, folder)
        session.lineup.hooks.on_checkpoint(state=loop, row=row)
        is_complete = session.late.add(row)  # which waits for everyone, as the manifest must
        if failure:
            raise failure
        return is_complete

    def wait_for_late(self) -> None:
        """Wait until plugins have written what they write beside training; on every rank."""
        if self.session.late.wait():
            self.rotate()

    def rotate(self) -> None:
        """Delete old checkpoints, now that a newer one is complete."""
        rotate(self.session.state.trainer)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._see(state)
        self.later.log()
        self.wait_for_late()
        settle(state.log_history)
        self.session.artifacts = artifacts = self._artifacts()
        self.session.lineup.hooks.on_train_end(state=self.session.state, artifacts=artifacts)
        portable = {name: relative(Path(path), self.session.run_dir.path) for name, path in artifacts.items()}
        self.session.run_dir.update_run(artifacts=portable)

    def _artifacts(self) -> LoopArtifacts:
        run_dir = self.session.run_dir
        return LoopArtifacts(
            run_dir=run_dir.path,
            checkpoints=[row for row in manifest(run_dir).values() if row.path.is_dir()],
            total_requested_steps=self.session.state.max_steps,
            train_seconds=time.perf_counter() - self._began,
        )

    def _on_rollouts(self, rollouts: Rollouts) -> None:
        """Count rollouts of training for the step that is not finished: `loop.step` is the last finished one."""
        loop = self.session.state
        step_idx = loop.step + (rollouts.split == "train")
        self.session.lineup.hooks.on_rollouts(state=loop, step_idx=step_idx, rollouts=rollouts)

    def restore_memory(self, state: TrainerState, row: ManifestRow) -> None:
        """Restore what the trainer had in memory, and say what could not be restored."""
        trainer: Any = self.session.state.trainer
        session = self.session
        if self.heeds_steps:
            state.compute_steps(trainer.args, state.max_steps)
        for lost in self.memory.restore(trainer, row.path, branches=self.branches):
            session.run_dir.event("not_restored", checkpoint=row.name, what=lost)
            if session.state.is_main:
                logger.warning("%s", lost)
        if self.branches:
            self.own_settings.set_again(trainer)
            forget_best(state)

    def _see(self, state: TrainerState) -> None:
        self.session.state.step, self.session.state.epoch = state.global_step, float(state.epoch or 0.0)

    def _wait_for_everyone(self) -> None:
        loop = self.session.state
        if loop.accelerator is not None and loop.world_size > 1:
            loop.accelerator.wait_for_everyone()

    def _numbers(self, values: Mapping[str, Any]) -> dict[str, float]:
        """The numbers that the trainer, or a native callback, logged; what is none is said once, and left out."""
        good, odd = numbers(values)
        self.session.lineup.refuse("the trainer's log", odd)
        return good

    def _write_metrics(self, split: str, values: Mapping[str, float]) -> None:
        loop = self.session.state
        known = {"step": loop.step, "split": split, "epoch": loop.epoch}
        others = {name: value for name, value in values.items() if name not in known}
        self.session.run_dir.append(METRICS, {**known, **others, "time": now()})


def _eval_name(metrics: Mapping[str, float]) -> str:
    """Return "eval", or the name of the data set if there are several: Trainer puts it into the prefix."""
    for key in metrics:
        if key.startswith("eval_") and key.endswith("_runtime") and key != "eval_runtime":
            return key.removeprefix("eval_").removesuffix("_runtime")
    return "eval"
