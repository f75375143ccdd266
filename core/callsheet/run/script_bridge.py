"""The bridge for a training script: it starts and ends the session, because no code of Callsheet runs the Trainer."""

from __future__ import annotations

import atexit
import gc
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments

from callsheet.errors import CallsheetError
from callsheet.loop.bridge import Bridge
from callsheet.outbox.counts import sentence
from callsheet.process.signals import Terminated
from callsheet.run import inventory

logger = logging.getLogger("callsheet")


class ScriptBridge(Bridge):
    """Starts the session when training begins, and ends it when training or the process ends.

    SIGTERM becomes an exit with code 143, unless the script handles it: Python would end without any cleanup.
    """

    heeds_steps = False  # a script's Trainer does what it would do without Callsheet

    def on_init_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """A Trainer was built with this bridge in `callbacks=`. `attach` comes too late for this event."""
        self.meet(_trainer_of(control))

    @contextmanager
    def training(self, trainer: Any, resume_from: Path | None) -> Iterator[None]:
        self._begin(trainer.args)
        try:
            with super().training(trainer, resume_from):
                yield
        except BaseException as error:
            self._close(error)
            raise

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not self.session.is_open:  # the bridge came by `add_callback`, so `train` was not overridden
            self.meet(_trainer_of(control))
            folder = Path(str(args.output_dir)).absolute() / f"checkpoint-{state.global_step}"
            self.resume_from = folder if state.global_step else None
            self._begin(args)
        super().on_train_begin(args, state, control, **kwargs)
        inventory.write_of_script(self.session, self.session.state.trainer, self.session.state.resumed_from)

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        if self.session.is_open:  # an evaluation before training has no run directory yet
            super().on_log(*args, **kwargs)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, *rest: Any, **kwargs: Any
    ) -> TrainerControl:
        return super().on_evaluate(args, state, control, *rest, **kwargs) if self.session.is_open else control

    def saved(self, trainer: Any) -> bool:
        return super().saved(trainer) if self.session.is_open else True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        super().on_train_end(args, state, control, **kwargs)
        self._close(None)

    def _begin(self, args: Any) -> None:
        self._abandon()
        atexit.register(self._abandon)  # until `_close`: it keeps the trainer, and all that the trainer holds
        plugins = {member.name: asdict(member.plugin) for member in self.session.lineup.members}
        config = {"trainer": {"args": args.to_dict()}, "plugins": plugins}
        self.session.move_to(Path(str(args.output_dir)).absolute(), config)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and _may_handle_signals():
            signal.signal(signal.SIGTERM, _exit_on)
        self.session.start()
        self.session.lineup.hooks.on_trainer_ready(state=self.session.state)

    def _abandon(self) -> None:
        """End a session that training left open, because an exception or a signal ends the process."""
        if self.session.is_open:
            self._close(getattr(sys, "last_value", None) or SystemExit("the process ended during training"))

    def _close(self, error: BaseException | None) -> None:
        if not self.session.is_open:
            return
        self.session.finish(error)
        self.session.close()
        atexit.unregister(self._abandon)
        if said := sentence(self.session.unpublished(), self.session.run_dir.path):
            logger.warning("%s", said)
        if signal.getsignal(signal.SIGTERM) is _exit_on and _may_handle_signals():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _may_handle_signals() -> bool:
    """Python lets only the main thread set a handler. A script that trains in another one handles signals itself."""
    return threading.current_thread() is threading.main_thread()


def _exit_on(signum: int, frame: FrameType | None) -> None:
    raise Terminated(128 + signum)


def _trainer_of(control: TrainerControl) -> Trainer:
    """Find the Trainer that holds `control`: a Trainer passes itself to no callback, and no other Trainer holds it.

    `callsheet.attach` knows its trainer and does not need this search.
    """
    holders = gc.get_referrers(control)
    holders += [owner for holder in holders if isinstance(holder, dict) for owner in gc.get_referrers(holder)]
    for holder in holders:
        if isinstance(holder, Trainer) and holder.control is control:
            return holder
    raise CallsheetError("callsheet.callbacks() cannot find its trainer. Use callsheet.attach(trainer, ...).")
