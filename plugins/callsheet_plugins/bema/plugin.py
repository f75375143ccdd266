"""The BEMA plugin: when weights are averaged, when the average is formed, and how a resumed run goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import hookimpl, setting
from callsheet.errors import CallsheetError
from callsheet.records import plugin_name
from callsheet_plugins.bema import keeping, model
from callsheet_plugins.bema.average import Average
from callsheet_plugins.bema.schedule import Schedule

if TYPE_CHECKING:
    from callsheet.records import LogContext, LoopState, ManifestRow, Report

logger = logging.getLogger("callsheet")


class Bema(Schedule):
    """Average the weights while they train (BEMA, Block & Zhang 2025, arXiv 2508.00180), and save the average.

    After step τ, every φ steps, EMA moves towards the weights θ by β = max((ρ + γt)^-κ, minimum). The average is
    EMA + α (θ - θ₀), where α = (ρ + γt)^-η and θ₀ are the weights at step τ. It is formed at the last update that
    the run has, and lies in `<run>/bema` as a model folder once training has ended, as with TRL's BEMACallback.

    Two things differ from TRL. Training that stops before its planned end forms the average from the weights it
    stopped at, with their α, where TRL keeps the last update's. A run too short for any update warns and saves no
    average, where TRL saves the weights it began with.

    Only trainable parameters are averaged; of a PEFT model, the adapter. The EMA is float32 whatever the model is,
    because in bfloat16 most updates would round to nothing.
    """

    ranks = "all"

    device: str = setting("cpu", help="Where the average is held, such as cpu or cuda.")
    on_missing_state: str = setting(
        "refuse",
        choices=("refuse", "restart"),
        help="When a resumed checkpoint holds no average: end the run, or start averaging anew.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._average: Average | None = None
        self._updated_at: int | None = None

    @hookimpl
    def preflight(self, ctx: LogContext, report: Report) -> None:
        if (beta := self.beta(self.first_update)) > 1:
            report.warning(
                f"The first BEMA update, at step {self.first_update}, has the weight {beta:.3g} and overshoots the "
                "weights it moves towards. Raise plugins.bema.lag until lag + multiplier * step is at least 1."
            )

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        model.refuse_what_cannot_be_averaged(state)
        self._kept = keeping.Kept(state.ctx.run_dir / "callsheet" / plugin_name(self))
        if state.is_main:
            self._kept.clear()
        self._average = self._restored(state)
        if self._average is None:
            self._updated_at = None
            if state.step >= self.update_after:
                self._average = Average.of(model.trainable(state), self.device)
        self._form_if_last(state)  # the run that was resumed may have planned to go on

    @hookimpl
    def on_step_end(
        self, state: LoopState, step_idx: int, batch: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]
    ) -> None:
        if step_idx == self.update_after:
            self._average = Average.of(model.trainable(state), self.device)
        if self._average and self.is_update(step_idx):
            self._average.update(model.trainable(state), self.beta(step_idx))
            self._updated_at = step_idx
            self._form_if_last(state)

    @hookimpl(tryfirst=True)
    def on_checkpoint(self, state: LoopState, row: ManifestRow) -> None:
        if self._average and state.is_main:
            if state.trainer is not None and state.trainer.control.should_training_stop:
                self._form(state)  # before load_best_model_at_end puts other weights into the model
            self._kept.save(self._average, row.folder(self))

    @hookimpl
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        if self._updated_at is None:
            logger.warning(
                "BEMA saved no average: training ended at step %s, and the first update was due at step %s.",
                state.step,
                self.first_update,
            )
        elif state.is_main:
            self._form(state)
            artifacts[plugin_name(self)] = self._kept.publish(state.ctx.run_dir / plugin_name(self))
        self._average = None

    def state_dict(self) -> dict[str, Any]:
        return {"updated_at": self._updated_at}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._updated_at = state_dict["updated_at"]

    def _form_if_last(self, state: LoopState) -> None:
        """Form the average at the last update, because the weights of that step are gone when training ends."""
        if self._updated_at == state.step and self._was_last_update(state):
            self._form(state)

    def _was_last_update(self, state: LoopState) -> bool:
        return self._updated_at is not None and self._updated_at + self.update_freq > state.max_steps

    def _form(self, state: LoopState) -> None:
        if self._average and self._updated_at is not None and state.is_main and not self._kept.formed.exists():
            weights = self._average.formed(model.trainable(state), self.alpha(state.step))
            model.save(state, weights, self._kept.formed)

    def _restored(self, state: LoopState) -> Average | None:
        """The average of the checkpoint that this run goes on from, or None when it begins one."""
        row = state.resumed_from
        if row is None or row.step < self.update_after:
            return None
        checkpoint = row.path / "callsheet" / plugin_name(self)
        if (average := keeping.read(checkpoint, self.device)) is None:
            self._refuse_unless_restart(row)
            return None
        if average.shapes() != {name: tensor.shape for name, tensor in model.trainable(state).items()}:
            raise CallsheetError(
                f"The average in checkpoint {row.path} is of other parameters than those that train now. Resume with "
                "the model it was saved with, or from another checkpoint."
            )
        if state.is_main:
            self._kept.adopt(checkpoint, formed=self._was_last_update(state))
        return average

    def _refuse_unless_restart(self, row: ManifestRow) -> None:
        if self.on_missing_state == "refuse":
            raise CallsheetError(
                f"Checkpoint {row.path} holds no BEMA state; set plugins.{plugin_name(self)}.on_missing_state=restart "
                "to start averaging anew."
            )
        logger.warning("Checkpoint %s holds no BEMA state; averaging starts anew at step %s.", row.path, row.step)
