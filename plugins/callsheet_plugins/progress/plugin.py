"""The plugin: it chooses the display of a run, feeds its board, and closes it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import Plugin, hookimpl, setting
from callsheet.randomness import random_states_kept
from callsheet_plugins.progress import lines
from callsheet_plugins.progress.board import Board, Evaluating
from callsheet_plugins.progress.facts import benchmark, board_of, length_of, mean_reward, sets_of
from callsheet_plugins.progress.lines import Lines
from callsheet_plugins.progress.pace import Pace, Tokens
from callsheet_plugins.progress.screen.live import Live
from callsheet_plugins.progress.screen.terminal import drawing_callbacks, is_live, without_bars

if TYPE_CHECKING:
    from rich.console import Console
    from transformers import TrainerCallback

    from callsheet.records import ArmResult, EvalResult, LogContext, LoopState, Rollouts, RunResult

LINES_PER_RUN = 20
LONGEST_SILENCE = 60.0


class Progress(Plugin):
    """Show how a run goes: steps, time left, metrics, scores, the outbox, and what each plugin costs.

    A terminal gets a live display, which a thread draws below what is printed. Files, pipes, Slurm logs and CI get a
    line every 5 % of the run and at least every minute, and one for each evaluation and score. The loss is what the
    trainer has logged last; only where it has logged none for a second, it is read from the device. GRPO and RLOO show
    their reward first: their loss begins at 0, and stays near it also while the model learns.
    """

    display: str = setting(
        "auto",
        choices=("auto", "live", "lines"),
        help="What a terminal gets. auto: a live display, but lines below Slurm (SLURM_JOB_ID) and in CI; live: also "
        "there. An output that is no terminal, or has TERM=dumb, always gets lines.",
    )
    every_steps: int = setting(
        0, ge=0, help="Print a line every this many steps; 0: every 5 % of the run and every minute."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._display: Live | Lines | None = None
        self._again: Callable[[], None] = lambda: None  # what draws bars again
        self._board = Board(Pace(0, 0), Tokens(1))
        self._reward: dict[str, float] = {}
        self._logged: dict[str, float] = {}  # by the trainer, since figures were last shown
        self._waits_for_log = False
        self._sets_done = 0  # evaluation sets, since the last step
        self._scored: tuple[str, int | None] | None = None

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def add_callbacks(self, state: LoopState, add: Callable[[TrainerCallback], None]) -> None:
        add(_watch(partial(self._predicted, state)))

    @hookimpl
    def on_trainer_ready(self, state: LoopState) -> None:
        assert state.trainer is not None
        for callback in drawing_callbacks(state.trainer):
            state.trainer.remove_callback(callback)

    @hookimpl(tryfirst=True)
    def on_train_start(self, state: LoopState) -> None:
        self._close()
        if hasattr(state.trainer, "reward_funcs"):  # a resumed run may begin with what was generated before
            self._reward = {"reward": math.nan}
        self._logged, self._waits_for_log, self._sets_done = {}, False, 0
        self._board = board_of(state)
        self._again = without_bars()
        if is_live(sys.stdout, self.display):
            self._display = Live(self._board)
            return
        every = self.every_steps or max(1, state.max_steps // LINES_PER_RUN)
        longest = float("inf") if self.every_steps else LONGEST_SILENCE
        self._display = Lines(_console(), self._board, every, longest)

    @hookimpl
    def on_step_end(
        self, state: LoopState, step_idx: int, batch: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]
    ) -> None:
        if self._display is None:
            return
        board = self._board
        board.pace.step(step_idx)
        board.tokens.step(batch)
        board.step, board.epoch, self._sets_done = step_idx, state.epoch, 0
        if not (self._display.step(step_idx) or self._waits_for_log):
            return
        if state.trainer is not None and state.trainer.control.should_log:
            self._waits_for_log = True  # it comes in a moment, and has waited for the device
        else:
            self._show(self._logged or metrics)

    @hookimpl
    def on_log(self, state: LoopState, logs: Mapping[str, float]) -> None:
        if self._display is None or any(name.startswith("eval_") for name in logs):
            return
        self._board.metrics = {**self._board.metrics, **logs}
        self._board.tokens.logged(logs)
        if "reward" in logs:
            self._reward = {"reward": logs["reward"]}
        if "loss" not in logs:
            return
        self._logged = dict(logs)
        if self._waits_for_log or isinstance(self._display, Live):
            self._show(self._logged)

    def _show(self, metrics: Mapping[str, float]) -> None:
        """Put the figures of a step onto the board; reading the loss may wait for the device."""
        names = ["loss", "learning_rate", *(["grad_norm"] if metrics is self._logged else [])]
        if self._reward and not isinstance(self._display, Live):
            names.remove("loss")
        self._board.figures = {**self._reward, **{name: metrics[name] for name in names if name in metrics}}
        if self._display:
            self._display.showed()
        self._logged, self._waits_for_log = {}, False

    @hookimpl
    def on_rollouts(self, state: LoopState, step_idx: int, rollouts: Rollouts) -> None:
        if rollouts.split == "train":
            self._reward = {"reward": mean_reward(rollouts, getattr(state.args, "reward_weights", None))}

    def _predicted(self, state: LoopState, loader: Any) -> None:
        """A batch of an evaluation is done."""
        board, now = self._board, self._board.evaluating
        if now is None or now.is_over:
            names = sets_of(state)
            name = names[self._sets_done] if self._sets_done < len(names) else "eval"
            now = Evaluating(name, of=length_of(loader))
            board.tokens.evaluating(True)
        board.evaluating = Evaluating(now.name, now.done + 1, now.of)

    @hookimpl
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        if (eval_name, step_idx) == self._scored:
            self._scored = None  # a plugin's own, which on_benchmark_eval has shown
            return
        board = self._board
        self._sets_done += 1
        board.tokens.evaluating(False)
        if board.evaluating:
            board.evaluating = Evaluating(eval_name, board.evaluating.done, board.evaluating.of, is_over=True)
        board.evaluated(eval_name, step_idx, metrics)
        if isinstance(self._display, Lines):
            self._display.say(lines.eval_line(step_idx, state.max_steps, eval_name, metrics))

    @hookimpl
    def on_benchmark_eval(
        self, ctx: LogContext, eval_result: EvalResult, predictions: Sequence[Mapping[str, Any]], *, step: int | None
    ) -> None:
        name = benchmark(eval_result.name, eval_result.tags)
        self._scored = eval_result.name, step
        score = self._board.scored(name, eval_result.metrics, step)
        if not isinstance(self._display, Live):  # also while the run waits for its outbox
            say = self._display.say if self._display else print
            change = score.last.change if score and score.last.step == step else None
            say(lines.score_line(step, self._board.pace.last, name, eval_result.metrics, change))

    @hookimpl(wrapper=True)
    def on_train_end(  # type: ignore[override]  # a wrapper is a generator
        self, state: LoopState, artifacts: dict[str, Path]
    ) -> Generator[None, Any, Any]:
        """Close the display after the last plugin: some evaluate once more."""
        result = yield
        self._close()
        return result

    @hookimpl
    def on_run_end(self, ctx: LogContext, run_result: RunResult, arm: ArmResult) -> None:
        self._close()  # if training raised, on_train_end was not called
        self._again()
        self._again = lambda: None

    def _close(self) -> None:
        if self._display:
            self._display.close()
        self._display = None


class PrintProgress(Progress):
    """The old name of `progress`."""


def _watch(predicted: Callable[[Any], None]) -> TrainerCallback:
    from transformers import TrainerCallback

    class Predictions(TrainerCallback):
        """Tells how far an evaluation is."""

        def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            predicted(kwargs.get("eval_dataloader"))

    return Predictions()


def _console() -> Console:
    with random_states_kept():  # rich draws a random number when it is imported (15.0, style.py, line 22)
        from rich.console import Console
        from rich.text import Text  # noqa: F401  # `Lines` uses it

        return Console()
