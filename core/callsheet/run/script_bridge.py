"""The bridge of a script: it begins and ends the session itself, since nobody stands around the Trainer."""

from __future__ import annotations

import atexit
import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerControl, TrainerState, TrainingArguments

from callsheet.loop.bridge import Bridge
from callsheet.outbox.counts import sentence
from callsheet.process.signals import Terminated
from callsheet.session.session import Session

logger = logging.getLogger("callsheet")


class ScriptBridge(Bridge):
    """Starts the session when training begins, and ends it when training, or the process, ends.

    Trainer announces no end when it raises, so a session still open at exit ends there. SIGTERM, which would kill the
    process without a word, becomes an exit with code 143, unless the script handles it.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        atexit.register(self._abandon)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._abandon()
        self.resume_from = _resumed_path()
        self.session.move_to(Path(str(args.output_dir)).absolute(), {"trainer": {"args": args.to_dict()}})
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _exit_on)
        self.session.start()
        super().on_train_begin(args, state, control, **kwargs)

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        if self.session.is_open:  # not for an evaluation before training, which has no run directory yet
            super().on_log(*args, **kwargs)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, *rest: Any, **kwargs: Any
    ) -> TrainerControl:
        return super().on_evaluate(args, state, control, *rest, **kwargs) if self.session.is_open else control

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        super().on_train_end(args, state, control, **kwargs)
        self._close(None)

    def _abandon(self) -> None:
        """End a session that training left open: by the exception that is ending the process, or by a signal."""
        if self.session.is_open:
            self._close(getattr(sys, "last_value", None) or SystemExit("the process ended during training"))

    def _close(self, error: BaseException | None) -> None:
        self.session.finish(error)
        self.session.run_dir.close()
        if said := sentence(self.session.unpublished(), self.session.run_dir.path):
            logger.warning("%s", said)
        if signal.getsignal(signal.SIGTERM) is _exit_on:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit_on(signum: int, frame: FrameType | None) -> None:
    raise Terminated(128 + signum)


def _resumed_path() -> Path | None:
    """The checkpoint given to `Trainer.train`, which tells its callbacks only the step."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        given = frame.f_locals.get("resume_from_checkpoint")
        if frame.f_code.co_name == "_inner_training_loop" and isinstance(given, str):
            return Path(given).absolute()
        frame = frame.f_back
    return None
