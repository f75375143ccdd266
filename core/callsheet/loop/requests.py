"""The requests of plugins and signals: merged over all ranks, then set on the Trainer's control."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from callsheet.distributed.collectives import all_gather, cpu_group
from callsheet.generation.generate import in_eval_mode
from callsheet.randomness import random_states_kept

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from callsheet.session.session import Session

logger = logging.getLogger("callsheet")

KINDS = ("stop", "save", "eval", "signal")


class Requests:
    """Merges requests over ranks once a step, without the device: all ranks do what one rank asked for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._group: Any = None
        self._adds_evaluation = False  # at a step at which the trainer itself would not evaluate
        self.added_evaluation = False  # whether the last one was such

    def open(self) -> None:
        """Training begins: from now on every rank calls `obey` at the same steps."""
        self._group = cpu_group() if self.session.state.world_size > 1 else None

    def obey(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> TrainerControl:
        """Set the flags of `control` that a plugin or a signal asked for, on any rank; no flag is cleared."""
        asked = self._merged({*self.session.lineup.requested, *self._signalled()})
        if not asked:
            return control
        reasons = self._reasons()
        if asked & {"stop", "signal"}:
            self._stop(args, state, control, reasons.get("stop"), by_signal="signal" in asked)
        if "save" in asked:
            control.should_save = True
        if "eval" in asked:
            self._adds_evaluation = not control.should_evaluate
            control.should_evaluate = self._can_evaluate()
        return control

    def no_more(self) -> None:
        """From here on, an evaluation is the trainer's own: one that was asked for is over, or came too late."""
        self._adds_evaluation = False

    @contextmanager
    def evaluating(self, trainer: Any) -> Iterator[bool]:
        """Wraps each evaluation of the loop; yields whether only plugins asked for it, so that it must change nothing.

        Random states and the modes of modules are then put back. Workers of its loader do not stay, because the first
        evaluation of the trainer itself draws a seed for those that do.
        """
        self.added_evaluation, self._adds_evaluation = self._adds_evaluation, False
        if not self.added_evaluation:
            yield False
            return
        with random_states_kept(), in_eval_mode(trainer.model), _no_lasting_workers(trainer.args):
            yield True

    def _signalled(self) -> set[str]:
        return {"signal"} if self.session.signals.received else set()

    def _merged(self, asked: set[str]) -> set[str]:
        """The union of `asked` over all ranks."""
        if self._group is None:
            return asked
        import torch
        import torch.distributed as dist

        flags = torch.tensor([kind in asked for kind in KINDS], dtype=torch.int32)
        dist.all_reduce(flags, op=dist.ReduceOp.MAX, group=self._group)
        return {kind for kind, flag in zip(KINDS, flags.tolist(), strict=True) if flag}

    def _stop(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        reason: str | None,
        *,
        by_signal: bool,
    ) -> None:
        from transformers.trainer_utils import SaveStrategy

        session = self.session
        control.should_training_stop = True
        control.should_save = control.should_save or args.save_strategy != SaveStrategy.NO
        session.stopped_by = session.stopped_by or reason
        session.state.note_stop()
        if by_signal:
            session.signals.received = session.signals.received or signal.SIGTERM  # perhaps only another rank got it
        session.run_dir.event("stopping", step=state.global_step, reason=session.stopped_by or "a signal")

    def _reasons(self) -> dict[str, str]:
        """The reason for each request, from the lowest rank that made it; requests of other ranks become events."""
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


@contextmanager
def _no_lasting_workers(args: TrainingArguments) -> Iterator[None]:
    lasting, args.dataloader_persistent_workers = args.dataloader_persistent_workers, False
    try:
        yield
    finally:
        args.dataloader_persistent_workers = lasting
