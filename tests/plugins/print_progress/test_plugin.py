"""print_progress: what a terminal and a log file show, and what showing it costs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from callsheet import ArmResult, LogContext, LoopState, Plugin, Rollouts, RunResult, hookimpl
from callsheet_plugins.print_progress import PrintProgress
from callsheet_plugins.print_progress.displays import Bar
from callsheet_plugins.print_progress.plugin import _mean_reward

TESTS = Path(__file__).parents[2]
LINE = r"step +\d+/\d+ +\d+%  loss [\d.]+  lr \d\.\de[+-]\d\d  [\d.]+ (steps/s|s/step)  \d+:\d\d:\d\d left"


class LazyMetrics(Mapping[str, float]):
    """Counts how often a value is read, as each read would wait for the device."""

    def __init__(self) -> None:
        self.reads = 0

    def __getitem__(self, name: str) -> float:
        self.reads += 1
        return {"loss": 1.2345678, "learning_rate": 0.001}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("loss", "learning_rate"))

    def __len__(self) -> int:
        return 2


def begin(plugin: PrintProgress, max_steps: int, step: int = 0) -> LoopState:
    state = LoopState(LogContext(Path()), lambda *a: None, lambda *a: None, step=step, max_steps=max_steps)
    plugin.on_train_start(state)
    return state


def run(plugin: PrintProgress, max_steps: int, metrics: Mapping[str, float], first: int = 0) -> LoopState:
    state = begin(plugin, max_steps, first)
    for step in range(first + 1, max_steps + 1):
        plugin.on_step_end(state, step, [], metrics)
    return state


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rich believe that stdout is a terminal, 200 columns wide."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")


def test_a_log_file_gets_twenty_lines(capsys: pytest.CaptureFixture[str]) -> None:
    run(PrintProgress(), 600, LazyMetrics())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 20
    assert all(re.fullmatch(LINE, line) for line in lines), lines
    assert lines[3].startswith("step 120/600   20%  loss 1.235  lr 1.0e-03")


def test_lines_come_as_often_as_asked(capsys: pytest.CaptureFixture[str]) -> None:
    run(PrintProgress(every_steps=7), 20, LazyMetrics())
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["7/20", "14/20", "20/20"]


def test_a_slow_run_is_not_silent_for_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callsheet_plugins.print_progress.plugin.LONGEST_SILENCE", 0.0)
    run(PrintProgress(), 1000, LazyMetrics(), first=990)
    assert len(capsys.readouterr().out.splitlines()) == 10


def test_a_long_line_is_not_wrapped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    run(PrintProgress(every_steps=5), 5, LazyMetrics())
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_metrics_are_read_only_to_be_printed() -> None:
    metrics = LazyMetrics()
    plugin = PrintProgress(every_steps=50)
    state = begin(plugin, 100)
    for step in range(1, 50):
        plugin.on_step_end(state, step, [], metrics)
    assert metrics.reads == 0
    plugin.on_step_end(state, 50, [], metrics)
    assert metrics.reads > 0


@pytest.mark.usefixtures("terminal")
def test_a_bar_reads_metrics_once_a_second_at_most() -> None:
    metrics = LazyMetrics()
    plugin = PrintProgress()
    state = begin(plugin, 1000)
    for step in range(1, 500):
        plugin.on_step_end(state, step, [], metrics)
    plugin.on_train_end(state, {})
    assert metrics.reads <= 8


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = PrintProgress()
    state = run(plugin, 600, LazyMetrics())
    plugin.on_train_end(state, {})
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().out)
    assert "600/600" in shown and "100%" in shown and "loss 1.235" in shown and "left" in shown


@pytest.mark.usefixtures("terminal")
def test_an_evaluation_is_printed_above_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = PrintProgress()
    state = run(plugin, 600, LazyMetrics())
    plugin.on_eval(state, 600, "eval", {"eval_loss": 1.5, "eval_runtime": 2.0, "epoch": 1.0})
    plugin.on_train_end(state, {})
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().out)
    assert "step 600/600  eval  loss 1.5\n" in shown.replace("\r", "")


def test_an_evaluation_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = PrintProgress()
    state = begin(plugin, 600)
    plugin.on_eval(state, 60, "held_out", {"eval_held_out_loss": 1.23456, "eval_held_out_samples_per_second": 9.0})
    assert capsys.readouterr().out == "step  60/600  held_out  loss 1.235\n"


@pytest.mark.usefixtures("terminal")
def test_the_bar_closes_when_training_raised(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = PrintProgress()
    begin(plugin, 600)
    bar = plugin._display
    assert isinstance(bar, Bar) and bar.progress.live.is_started
    plugin.on_run_end(LogContext(Path()), RunResult("failed"), ArmResult("arm"))
    assert not bar.progress.live.is_started
    assert capsys.readouterr().out.endswith("\x1b[?25h")  # the cursor is back


def test_the_trainer_shows_nothing_of_its_own(run_demo: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    run_demo("plugins=[print_progress]")
    out, err = capfd.readouterr()
    assert "it/s" not in err and "{'loss'" not in out
    assert len(re.findall(LINE, out)) == 4
    assert len(re.findall(r"step \d/4  eval  loss", out)) == 2


def test_it_removes_the_trainers_own_progress_and_nobody_elses_callback(run_demo: Callable[..., Any]) -> None:
    from transformers import PrinterCallback, ProgressCallback, TrainerCallback

    class Mine(Plugin):
        @hookimpl
        def add_callbacks(self, state: LoopState, add: Callable[[TrainerCallback], None]) -> None:
            add(native)

    native = TrainerCallback()
    session = run_demo("plugins=[print_progress]", plugins=[Mine()])
    callbacks = session.state.trainer.callback_handler.callbacks
    assert native in callbacks
    assert not any(isinstance(callback, (PrinterCallback, ProgressCallback)) for callback in callbacks)


def test_it_draws_no_random_number_of_the_training() -> None:
    begins = (
        "import random, sys\nfrom plugins.print_progress.test_plugin import PrintProgress, begin\n"
        "assert 'rich.style' not in sys.modules\nrandom.seed(0)\nbefore = random.getstate()\n"
        "begin(PrintProgress(), 10)\nassert random.getstate() == before and 'rich.style' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", begins], cwd=TESTS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_plugins.print_progress")


def test_a_trainer_that_learns_by_rewards_shows_the_reward_and_no_loss(
    capsys: pytest.CaptureFixture[str], run_trainer: Callable[..., Any]
) -> None:
    plugin, rewards = PrintProgress(every_steps=1), Rewarded()
    run_trainer("grpo", "plugins=[]", plugins=[plugin, rewards])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step ") and " lr " in line]
    assert len(lines) == 2 and not any("loss" in line for line in lines), lines
    assert all(f"  reward {reward:#.4g}  " in line for line, reward in zip(lines, rewards.logged, strict=True))


class Rewarded(Plugin):
    """Remembers the reward that TRL itself logs at each step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.logged: list[float] = []

    @hookimpl
    def on_log(self, state: LoopState, logs: Mapping[str, float]) -> None:
        if "reward" in logs:
            self.logged.append(logs["reward"])


def test_a_reward_that_is_not_known_yet_brings_no_loss_back_and_a_loss_that_is_nan_is_shown() -> None:
    from callsheet_plugins.print_progress.displays import _numbers

    assert _numbers({"reward": float("nan"), "loss": 0.0, "learning_rate": 1e-6}) == ["lr 1.0e-06"]
    assert _numbers({"loss": float("nan")}) == ["loss nan"]


def test_the_reward_is_weighted_as_the_trainer_does() -> None:
    rollouts = Rollouts(["a", "a"], ["b", "c"], {"one": [1.0, 3.0], "two": [float("nan"), 2.0]}, [0.0, 0.0])
    assert _mean_reward(rollouts, [1.0, 0.5]) == (1 + 3 + 1) / 2 and _mean_reward(rollouts, None) == 3.0
