"""The plugin: when weights are averaged, when the average is formed, and how a resumed run restores it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import hookimpl, setting, sharding
from callsheet.distributed.collectives import broadcast
from callsheet.errors import CallsheetError
from callsheet.hooks import plugin_name
from callsheet.loop import extend
from callsheet_plugins.bema import keeping, model
from callsheet_plugins.bema.device import AUTO, problem_with_device, refuse_a_device_that_is_missing
from callsheet_plugins.bema.evaluating import NAME, Evaluation
from callsheet_plugins.bema.schedule import Schedule
from callsheet_plugins.bema.trainer import Averaging

if TYPE_CHECKING:
    from callsheet.records import ArmResult, LogContext, LoopState, ManifestRow, PreflightReport, RunResult
    from callsheet_plugins.bema.running import Average

logger = logging.getLogger("callsheet")


class Bema(Schedule):
    """Average the weights while they train (BEMA, Block & Zhang 2025, arXiv 2508.00180), and save the average.

    After step τ, every φ steps, EMA moves towards the weights θ by β = max((ρ + γt)^-κ, minimum). The average is
    EMA + α (θ - θ₀), where α = (ρ + γt)^-η and θ₀ are the weights at step τ. It is formed at the run's last update.
    When training has ended, the folder `<run>/bema` holds it as a model, as with TRL's BEMACallback.

    Two things differ from TRL. If training stops before its planned end, the average is formed from the weights at the
    stop, with their α; TRL keeps the average of the last update. If a run is too short for any update, it warns and
    saves no average; TRL saves the initial weights.

    Only trainable parameters are averaged; of a PEFT model, the adapter. The EMA is always float32, because in bfloat16
    most updates would round to zero. It follows the engine's float32 master weights, if the engine has them. Under ZeRO
    and FSDP2 each rank averages its own part.
    """

    ranks = "all"

    device: str = setting(
        AUTO,
        help="Where the average is kept: cuda is the GPU of the weights, cpu is main memory, auto is the GPU if it has "
        "room after the first step.",
    )
    theta0: str = setting(
        "disk", choices=("disk", "memory"), help="Where θ₀ is kept; disk is a file in the run directory."
    )
    every_checkpoint: bool = setting(False, help="Also save the average with every checkpoint, as its folder `bema`.")
    evaluate_with: str = setting(
        "raw",
        choices=("raw", "bema", "both"),
        help="Evaluate the weights that train, their average, or both (the average's metrics are eval_bema_…).",
    )
    on_missing_state: str = setting(
        "refuse",
        choices=("refuse", "restart"),
        help="If the checkpoint of a resumed run holds no average: end the run, or start a new average.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._average: Average | None = None
        self._awaited: Average | None = None  # with its memory, which takes seconds to get; it begins later
        self._updated_at: int | None = None
        self._is_formed = False
        self._has_warned = False
        self._evaluation: Evaluation | None = None
        self._trainer: Any = None  # with the attributes of Averaging

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        from callsheet_plugins.bema import placing  # as in `_new`

        if (beta := self.beta(self.first_update)) > 1:
            report.warning(
                f"The first BEMA update, at step {self.first_update}, has the weight {beta:.3g} and overshoots the "
                "weights it moves towards. Raise plugins.bema.lag until lag + multiplier * step is at least 1."
            )
        if problem := problem_with_device(self.device):
            report.problem(f"plugins.bema.device={self.device} {problem}")
        elif forecast := placing.forecast(ctx.run_config, self.device):
            report.note(forecast)
        trainer, peft, launch = (ctx.run_config.get(part) or {} for part in ("trainer", "peft", "launch"))
        args = trainer.get("args") or {}
        if problem := self._is_late(args.get("max_steps") or 0):
            self._has_warned = True
            report.warning(problem)
        if problem := model.problem_with_adapter(peft.get("type") or ""):
            report.problem(problem)
        if problem := self._problem_with_vllm(args.get("use_vllm")):
            report.problem(problem)
        if problem := sharding.problem_with_launch(launch):
            report.problem(f"Plugin '{plugin_name(self)}': {problem}")

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        refuse_a_device_that_is_missing(self.device)
        if problem := self._problem_with_vllm(getattr(state.args, "use_vllm", False)):
            raise CallsheetError(problem)  # preflight of a script does not see the trainer's arguments
        self._model = sharding.unwrapped(state)
        model.refuse_what_cannot_be_saved(self._model)
        self._sharding = sharding.Sharding(self._model)
        self._kept = keeping.Kept(state.ctx.run_dir / "callsheet" / plugin_name(self), self._sharding)
        self._kept.clear()
        self._is_formed = False
        self._average = self._restored(state)
        if self._average is None:
            self._updated_at, self._awaited = None, self._new()
            if state.step >= self.update_after:
                self._begin(state)
        self._keep_if_last(state)  # the resumed run may have planned more steps than this one
        if state.trainer is not None:
            self._follow(state, state.trainer)
        if self.evaluate_with == "both":
            state.evaluations.add(NAME)
        if state.is_main:
            self._warn(state)

    @hookimpl
    def on_step_end(
        self, state: LoopState, step_idx: int, batch: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]
    ) -> None:
        average = self._average or self._awaited
        if average and (remark := average.decide()) and state.is_main:
            state.ctx.remarks[plugin_name(self)] = remark
            logger.info("%s %s", plugin_name(self), remark)
        if step_idx == self.update_after:
            self._begin(state)
        if self._average and self.is_update(step_idx):
            self._average.update(self.beta(step_idx), state.optimizer)
            self._updated_at = step_idx
            self._keep_if_last(state)

    @hookimpl(tryfirst=True)
    def on_checkpoint(self, state: LoopState, row: ManifestRow) -> None:
        if self._average is None:
            return
        place = row.path / plugin_name(self)
        is_wanted = self.every_checkpoint and self._updated_at is not None
        alpha, write = self.alpha(state.step), None
        if is_wanted and not self._average.is_small:
            write = model.begin_saving(state, self._model, self._sharding, place)
        formed = model.Formed(alpha, write) if write else None
        self._average.save(row.folder(self), lambda task: state.write_beside(task, row), formed)
        if is_wanted and not formed:
            model.save(state, self._model, self._sharding, place, self._average.former(alpha))

    @hookimpl
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        if self._updated_at is None:
            logger.warning(
                "bema saved no average: training ended at step %s, and the first update was due at step %s.",
                state.step,
                self.first_update,
            )
        else:
            self._form(state)
            if state.is_main:
                artifacts[plugin_name(self)] = self._kept.publish(state.ctx.run_dir / plugin_name(self))
        if self._average:
            self._average.wait()
        self._let_go()
        if state.is_main:
            self._kept.remove()

    @hookimpl
    def on_run_end(self, ctx: LogContext, run_result: RunResult, arm: ArmResult) -> None:
        self._let_go()  # training may have raised

    def _follow(self, state: LoopState, trainer: Any) -> None:
        """Make `trainer` evaluate the average, and form the average before it loads its best checkpoint."""
        extend(trainer, Averaging)
        if self.evaluate_with != "raw":
            self._evaluation = Evaluation(self.evaluate_with, lambda: self._swapped(state))
        trainer.bema_evaluation, trainer.bema_form = self._evaluation, lambda: self._form(state)
        self._trainer = trainer

    def _let_go(self) -> None:
        if self._trainer:
            self._trainer.bema_evaluation = self._trainer.bema_form = None
        for average in filter(None, (self._average, self._awaited)):
            average.close()
        self._average = self._awaited = self._evaluation = self._trainer = None

    def _warn(self, state: LoopState) -> None:
        if not self._has_warned and (problem := self._is_late(state.max_steps)):
            logger.warning("%s", problem)
        if self._evaluation and state.args and state.args.eval_strategy == "no" and not state.args.eval_on_start:
            logger.warning(
                "bema.evaluate_with=%s waits for evaluations; set trainer.args.eval_strategy.", self.evaluate_with
            )

    def _is_late(self, steps: Any) -> str:
        """A problem if a run of `steps` ends before the first update, or an empty string; `steps` may be unknown."""
        if not isinstance(steps, int) or not 0 < steps < self.first_update:
            return ""
        return (
            f"bema will save no average: the run ends at step {steps}, and the first update is due at step "
            f"{self.first_update}. Lower plugins.bema.update_freq or update_after."
        )

    def _problem_with_vllm(self, is_used: object) -> str:
        if self.evaluate_with == "raw" or not is_used:
            return ""
        return (
            f"plugins.bema.evaluate_with={self.evaluate_with} would leave averaged weights in vLLM, which generates "
            "the training data. Set it to raw, or trainer.args.use_vllm to false."
        )

    def state_dict(self) -> dict[str, Any]:
        return {"updated_at": self._updated_at}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._updated_at = state_dict["updated_at"]

    def _new(self) -> Average:
        # Imported here, because a composition imports this file and has no use for it.
        from callsheet_plugins.bema.running import Average

        how = {"forms_often": self.every_checkpoint}
        return Average(self._sharding, self._kept, self.device, self.theta0, **how)

    def _begin(self, state: LoopState) -> None:
        assert self._awaited is not None
        self._average, self._awaited = self._awaited, None
        self._average.begin(state.write_beside)

    def _keep_if_last(self, state: LoopState) -> None:
        """Keep the weights of the last update: when training ends, they are gone."""
        if self._average and not self._is_formed and self._updated_at == state.step and self._was_last_update(state):
            self._average.keep_last(state.write_beside)

    def _was_last_update(self, state: LoopState) -> bool:
        return self._updated_at is not None and self._updated_at + self.update_freq > state.max_steps

    def _form(self, state: LoopState) -> None:
        """Form the average of the last update if that is behind, else that of the weights as they are now."""
        if not self._average or self._updated_at is None or self._is_formed:
            return
        at_last = self._average.has_last
        formed = self._average.former(self.alpha(self._updated_at if at_last else state.step), at_last=at_last)
        model.save(state, self._model, self._sharding, self._kept.formed, formed)
        self._is_formed = True

    @contextmanager
    def _swapped(self, state: LoopState) -> Iterator[bool]:
        """Put the average into the model, if there is one, and take it out again; yields whether there is one."""
        if self._average is None or self._updated_at is None:
            yield False
            return
        formed = self._average.former(self.alpha(state.step))
        with self._sharding.borrowed():
            self._sharding.write(formed)
            yield True

    def _restored(self, state: LoopState) -> Average | None:
        """The average of the checkpoint that this run resumes from, or None if the run starts a new one."""
        row = state.resumed_from
        if row is None or row.step < self.update_after:
            return None
        checkpoint = row.saved_folder(self)
        ema = sharding.Stored(self._sharding.chosen, checkpoint, keeping.EMA) if checkpoint else None
        if not checkpoint or not ema or not sharding.Stored(self._sharding.chosen, checkpoint, keeping.THETA0):
            self._refuse_unless_restart(row)
            return None
        restored = self._awaited = self._new()  # which `_let_go` closes, if what follows raises
        restored.restore(ema, checkpoint)
        self._awaited = None
        if self._was_last_update(state) and not restored.adopt_last(checkpoint):
            self._is_formed = broadcast(lambda: self._kept.adopt_formed(checkpoint))
        return restored

    def _refuse_unless_restart(self, row: ManifestRow) -> None:
        if self.on_missing_state == "refuse":
            raise CallsheetError(
                f"Checkpoint {row.path} holds no BEMA state; set plugins.{plugin_name(self)}.on_missing_state=restart "
                "to start a new average."
            )
        logger.warning("Checkpoint %s holds no BEMA state; a new average starts at step %s.", row.path, row.step)
