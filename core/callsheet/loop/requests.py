"""What plugins and signals ask for, agreed on by all ranks and turned into the Trainer's switches."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Any

from callsheet.distributed.collectives import all_gather, cpu_group

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from callsheet.session.session import Session

logger = logging.getLogger("callsheet")

KINDS = ("stop", "save", "eval", "signal")


class Requests:
    """Merges requests over ranks once a step, without touching the device: what one rank asks for, all do."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._group: Any = None

    def open(self) -> None:
        """Training begins: from now on every rank comes here at the same steps."""
        self._group = cpu_group() if self.session.state.world_size > 1 else None

    def obey(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> TrainerControl:
        """Turn what plugins and signals asked for, on any rank, into the Trainer's switches, which only go up."""
        asked = self._merged({*self.session.lineup.requested, *self._signalled()})
        if not asked:
            return control
        reasons = self._reasons()
        if asked & {"stop", "signal"}:
            self._stop(args, state, control, reasons.get("stop"), by_signal="signal" in asked)
        if "save" in asked:
            control.should_save = True
        if "eval" in asked:
            control.should_evaluate = self._can_evaluate()
        return control

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
        if by_signal:
            session.signals.received = session.signals.received or signal.SIGTERM  # it may have reached one rank only
        session.run_dir.event("stopping", step=state.global_step, reason=session.stopped_by or "a signal")

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
