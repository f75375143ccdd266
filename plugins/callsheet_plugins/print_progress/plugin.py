"""The plugin: it chooses the display of a run, feeds it, and closes it."""

from __future__ import annotations

import math
import random
from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import Plugin, hookimpl, setting
from callsheet_plugins.print_progress.displays import Bar, Lines, Pace, step_of

if TYPE_CHECKING:
    from rich.console import Console

    from callsheet.records import ArmResult, LogContext, LoopState, Rollouts, RunResult

LINES_PER_RUN = 20
LONGEST_SILENCE = 60.0
UNINTERESTING = ("_runtime", "_per_second", "_timing")


class PrintProgress(Plugin):
    """Print step, loss, learning rate, speed and time left, instead of the Trainer's own progress bar.

    A terminal gets a bar, whose figures change every second. Other outputs, such as a Slurm log, get a line every 5 %
    of the run and at least every minute. Each evaluation gets its own line. The loss is what the trainer has logged
    since the last line; only where it has not, it is read from the device. GRPO and RLOO show the mean reward of what
    rank 0 generated last: their loss begins at 0, and stays near it also while the model learns.
    """

    every_steps: int = setting(
        0, ge=0, help="Without a terminal, print every this many steps; 0: every 5 % of the run and every minute."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._display: Bar | Lines | None = None
        self._reward: dict[str, float] = {}
        self._logged: dict[str, float] = {}  # by the trainer, since figures were last shown
        self._waits_for_log = False

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def on_trainer_ready(self, state: LoopState) -> None:
        from transformers import PrinterCallback, ProgressCallback

        assert state.trainer is not None
        for callback in (ProgressCallback, PrinterCallback):
            state.trainer.remove_callback(callback)

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        from transformers.utils import logging

        if hasattr(state.trainer, "reward_funcs"):  # a resumed run may begin with what was generated before
            self._reward = {"reward": math.nan}
        logging.disable_progress_bar()  # transformers draws one for every file of a checkpoint, across this bar
        self._close()
        self._logged, self._waits_for_log = {}, False
        console = _console()
        pace = Pace(state.step, state.max_steps)
        every = self.every_steps or max(1, state.max_steps // LINES_PER_RUN)
        longest = float("inf") if self.every_steps else LONGEST_SILENCE
        self._display = Bar(console, pace) if console.is_terminal else Lines(console, pace, every, longest)

    @hookimpl
    def on_step_end(
        self, state: LoopState, step_idx: int, batch: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]
    ) -> None:
        if self._display is None or not (self._display.step(step_idx) or self._waits_for_log):
            return
        if state.trainer is not None and state.trainer.control.should_log:
            self._waits_for_log = True  # it comes in a moment, and has waited for the device
        else:
            self._show(step_idx, self._logged or metrics)

    @hookimpl
    def on_log(self, state: LoopState, logs: Mapping[str, float]) -> None:
        if "loss" not in logs:
            return
        self._logged = dict(logs)
        if self._waits_for_log:
            self._show(state.step, self._logged)

    def _show(self, step: int, metrics: Mapping[str, float]) -> None:
        if self._display:
            self._display.show(step, ChainMap(self._reward, metrics))  # type: ignore[arg-type]  # both are read only
        self._logged, self._waits_for_log = {}, False

    @hookimpl
    def on_rollouts(self, state: LoopState, step_idx: int, rollouts: Rollouts) -> None:
        if rollouts.split == "train":
            self._reward = {"reward": _mean_reward(rollouts, getattr(state.args, "reward_weights", None))}

    @hookimpl
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        if self._display:
            self._display.say(_eval_line(step_idx, state.max_steps, eval_name, metrics))

    @hookimpl
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        self._close()

    @hookimpl
    def on_run_end(self, ctx: LogContext, run_result: RunResult, arm: ArmResult) -> None:
        self._close()  # if training raised, on_train_end was not called

    def _close(self) -> None:
        if self._display:
            self._display.close()
        self._display = None


def _console() -> Console:
    """rich draws a random number when it is imported (15.0, style.py, line 22): put it back, or others would train."""
    numbers = random.getstate()
    from rich.console import Console

    random.setstate(numbers)
    return Console()


def _eval_line(step: int, last: int, name: str, metrics: Mapping[str, float]) -> str:
    prefix = "eval_" if name == "eval" else f"eval_{name}_"
    shown = {key: value for key, value in metrics.items() if key != "epoch" and not key.endswith(UNINTERESTING)}
    return "  ".join(
        [step_of(step, last), name, *(f"{key.removeprefix(prefix)} {_short(v)}" for key, v in shown.items())]
    )


def _mean_reward(rollouts: Rollouts, weights: Sequence[float] | None) -> float:
    """The reward of a completion as TRL adds it up, over all completions: a function may give none, which is NaN."""
    scores = [*rollouts.rewards.values()]
    weighted = zip(scores, weights or [1.0] * len(scores), strict=True)
    total = sum(weight * score for row, weight in weighted for score in row if not math.isnan(score))
    return total / max(len(rollouts.completions), 1)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)
