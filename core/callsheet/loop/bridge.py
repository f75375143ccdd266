"""The one `TrainerCallback` that turns a Trainer's events into hooks."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import SaveStrategy

from callsheet.distributed.collectives import all_gather
from callsheet.errors import CallsheetError
from callsheet.loop import rotation
from callsheet.loop.requests import Consensus
from callsheet.loop.step_metrics import StepMetrics, StepRecorder
from callsheet.records import ManifestRow
from callsheet.rundir.checkpoints import bare_row, manifest
from callsheet.rundir.rundir import METRICS, RunDir, now, replace
from callsheet.session.session import Session
from callsheet.sharding import unwrapped
from callsheet.trainer import saved_adapters

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger("callsheet")

PLUGIN_STATE = Path("callsheet") / "plugins.json"


class Bridge(TrainerCallback):
    """Calls the plugins of a session at the moments of the Trainer that it is given to.

    `resume_from` is the checkpoint that was handed to `Trainer.train`, which does not tell its callbacks.
    """

    def __init__(self, session: Session, resume_from: Path | None = None) -> None:
        self.session = session
        self.resume_from = resume_from
        self.recorder = StepRecorder(active=session.lineup.implements("on_step_end"))
        self.consensus = Consensus(1)

    def on_init_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._meet_trainer(args)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        session, loop = self.session, self.session.state
        self._meet_trainer(args)
        loop.args, loop.max_steps = args, state.max_steps
        loop.model, loop.optimizer = kwargs.get("model"), kwargs.get("optimizer")
        loop.tokenizer = kwargs.get("processing_class")
        loop.resumed_from = self._row_of(self.resume_from) if self.resume_from else None
        self._see(state)
        self.recorder.attach(loop.trainer)
        if loop.trainer is not None:
            rotation.defer(loop.trainer)
        self.consensus = Consensus(loop.world_size)
        if loop.resumed_from:
            self._restore(loop.resumed_from)
        session.lineup.hooks.on_train_start(state=loop)
        _skip_loop(loop.trainer, when=0 < state.max_steps <= state.global_step)
        session.signals.patient = True
        if args.save_strategy == SaveStrategy.NO:
            session.signals.promise = "finishing this step; with save_strategy=no, nothing is saved"

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.recorder.begin(kwargs.get("optimizer"))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        loop, session = self.session.state, self.session
        self._see(state)
        if self.recorder.active:
            metrics = StepMetrics(self.recorder, loop.epoch)
            session.lineup.hooks.on_step_end(state=loop, step_idx=loop.step, batch=self.recorder.batch, metrics=metrics)
        if session.supervisor:
            session.supervisor.look()
        return self._obey(args, state, control)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if logs and not any(key.startswith("eval_") for key in logs):
            self._write_metrics("train", logs)
            self.session.metrics.update({key: value for key, value in logs.items() if key.startswith("train_")})

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> TrainerControl:
        self._see(state)
        metrics, loop = metrics or {}, self.session.state
        name = _eval_name(metrics)
        self._write_metrics(name, metrics)
        self.session.metrics.update(metrics)
        self.session.lineup.hooks.on_eval(state=loop, step_idx=loop.step, eval_name=name, metrics=metrics)
        return self._obey(args, state, control)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._see(state)
        loop, session = self.session.state, self.session
        if loop.accelerator is not None and loop.world_size > 1:
            loop.accelerator.wait_for_everyone()  # without it, rank 1 comes here before rank 0 wrote the weights
        folder = Path(str(args.output_dir)).absolute() / f"checkpoint-{state.global_step}"
        row = ManifestRow(folder.name, state.global_step, loop.epoch, folder)
        states = session.lineup.state_dicts()
        if loop.is_main:
            (folder / PLUGIN_STATE).parent.mkdir(exist_ok=True)
            replace(folder / PLUGIN_STATE, json.dumps(states, indent=2) + "\n")
        session.lineup.hooks.on_checkpoint(state=loop, row=row)
        if loop.accelerator is not None and loop.world_size > 1:
            loop.accelerator.wait_for_everyone()  # every rank's plugins have written into the checkpoint
        session.checkpointed(row)
        rotation.rotate(loop.trainer)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._see(state)
        artifacts: dict[str, Path] = {}
        self.session.lineup.hooks.on_train_end(state=self.session.state, artifacts=artifacts)
        self.session.run_dir.update_run(artifacts={name: str(path) for name, path in artifacts.items()})

    def _meet_trainer(self, args: TrainingArguments) -> None:
        loop = self.session.state
        if loop.trainer is None and (trainer := _calling_trainer(args)):
            loop.trainer, loop.accelerator = trainer, trainer.accelerator
            loop.model, loop.tokenizer = trainer.model, cast("PreTrainedTokenizerBase", trainer.processing_class)
            loop.rank, loop.world_size = args.process_index, args.world_size

    def _see(self, state: TrainerState) -> None:
        self.session.state.step, self.session.state.epoch = state.global_step, float(state.epoch or 0.0)

    def _obey(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> TrainerControl:
        """Turn what plugins and signals asked for, on any rank, into the Trainer's switches, which only go up."""
        session, asked = self.session, set(self.session.lineup.requested)
        if session.signals.received:
            asked.add("signal")
        asked = self.consensus.merge(asked)
        if not asked:
            return control
        reasons = self._reasons()
        if asked & {"stop", "signal"}:
            control.should_training_stop = True
            control.should_save = control.should_save or args.save_strategy != SaveStrategy.NO
            if "stop" in asked:
                session.stopped_by = session.stopped_by or reasons["stop"]
            if "signal" in asked:
                # It may have reached one rank only.
                session.signals.received = session.signals.received or signal.SIGTERM
            session.run_dir.event("stopping", step=state.global_step, reason=session.stopped_by or "a signal")
        if "save" in asked:
            control.should_save = True
        if "eval" in asked:
            control.should_evaluate = self._can_evaluate()
        return control

    def _reasons(self) -> dict[str, str]:
        """Why each thing was asked for, by the first rank that did; what other ranks asked for is written down."""
        session = self.session
        mine, session.lineup.requested = session.lineup.requested, {}
        reasons: dict[str, str] = {}
        for rank, requested in enumerate(all_gather(mine)):
            for kind, (plugin, reason) in requested.items():
                reasons.setdefault(kind, reason)
                if rank:
                    session.run_dir.event("requested", request=kind, plugin=plugin, reason=reason, rank=rank)
        return reasons

    def _can_evaluate(self) -> bool:
        trainer = self.session.state.trainer
        if trainer is not None and trainer.eval_dataset is not None:
            return True
        logger.warning("A plugin asked for an evaluation, but there is no evaluation data.")
        return False

    def _write_metrics(self, split: str, values: Mapping[str, float]) -> None:
        loop = self.session.state
        self.session.run_dir.append(
            METRICS, {"step": loop.step, "split": split, "epoch": loop.epoch, **values, "time": now()}
        )

    def _row_of(self, folder: Path) -> ManifestRow:
        return manifest(RunDir(folder.parent, is_main=False)).get(folder.name) or bare_row(folder)

    def _restore(self, row: ManifestRow) -> None:
        """Give plugins their state back; a checkpoint of a plain Trainer holds none."""
        path = row.path / PLUGIN_STATE
        if not path.exists():
            self.session.run_dir.event("restored", checkpoint=str(row.path), plugins=[])
            return
        try:
            states = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CallsheetError(f"{path} is not JSON: {error}.") from error
        saved_adapters.drop(unwrapped(self.session.state), states)
        self.session.lineup.load_state_dicts(states)
        self.session.run_dir.event("restored", checkpoint=str(row.path), plugins=sorted(states))


def _calling_trainer(args: TrainingArguments) -> Trainer | None:
    """The Trainer whose event is being handled: it gives its callbacks everything but itself."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, Trainer) and caller.args is args:
            return caller
        frame = frame.f_back
    return None


def _skip_loop(trainer: Any, *, when: bool) -> None:
    """Train no further when a resumed run has taken all its steps: Trainer would take one more."""
    if trainer is not None:
        vars(trainer).pop("_run_epoch", None)
        if when:
            trainer._run_epoch = lambda *args, **kwargs: None


def _eval_name(metrics: Mapping[str, float]) -> str:
    """ "eval", or the name of the data set where there are several: Trainer puts it into the prefix."""
    for key in metrics:
        if key.startswith("eval_") and key.endswith("_runtime") and key != "eval_runtime":
            return key.removeprefix("eval_").removesuffix("_runtime")
    return "eval"
