"""progress: what a log file shows, and what showing it costs; which output gets what."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import callsheet
from callsheet import EvalResult, LogContext, LoopState, Plugin, Rollouts, deprecations, hookimpl
from callsheet_plugins.progress import Progress
from callsheet_plugins.progress.facts import mean_reward
from callsheet_plugins.progress.lines import Lines, numbers
from callsheet_plugins.progress.screen.live import Live
from callsheet_plugins.progress.words import of_set, short
from plugins.progress.emulator import Terminal
from plugins.progress.runs import LazyMetrics, begin, end, run, steps

TESTS = Path(__file__).parents[2]
LINE = (
    r"step +\d+/\d+ +\d+%  loss [\d.]+  lr \d\.\de[+-]\d\d  [\d.]+ (steps/s|s/step)  \d+:\d\d:\d\d left"
    r"(  [\d.]+k? tokens/s)?"
)


def test_a_log_file_gets_twenty_lines(capsys: pytest.CaptureFixture[str]) -> None:
    run(Progress(), 600, LazyMetrics())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 20
    assert all(re.fullmatch(LINE, line) for line in lines), lines
    assert lines[3].startswith("step 120/600   20%  loss 1.235  lr 1.0e-03")


def test_lines_come_as_often_as_asked(capsys: pytest.CaptureFixture[str]) -> None:
    run(Progress(every_steps=7), 20, LazyMetrics())
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["7/20", "14/20", "20/20"]


def test_a_slow_run_is_not_silent_for_long(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callsheet_plugins.progress.plugin.LONGEST_SILENCE", 0.0)
    run(Progress(), 1000, LazyMetrics(), first=990)
    assert len(capsys.readouterr().out.splitlines()) == 10


def test_a_long_line_is_not_wrapped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    run(Progress(every_steps=5), 5, LazyMetrics())
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_metrics_are_read_only_to_be_printed() -> None:
    metrics = LazyMetrics()
    plugin = Progress(every_steps=50)
    state = begin(plugin, 100)
    for step in range(1, 50):
        plugin.on_step_end(state, step, [], metrics)
    assert metrics.reads == 0
    plugin.on_step_end(state, 50, [], metrics)
    assert metrics.reads > 0


def test_an_evaluation_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = Progress()
    state = begin(plugin, 600)
    plugin.on_eval(state, 60, "held_out", {"eval_held_out_loss": 1.23456, "eval_held_out_samples_per_second": 9.0})
    assert capsys.readouterr().out == "step  60/600  held_out  loss 1.235\n"


def test_the_trainer_shows_nothing_of_its_own(run_demo: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    run_demo("plugins=[progress]")
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
    session = run_demo("plugins=[progress]", plugins=[Mine()])
    callbacks = session.state.trainer.callback_handler.callbacks
    assert native in callbacks
    assert not any(isinstance(callback, (PrinterCallback, ProgressCallback)) for callback in callbacks)


def test_it_draws_no_random_number_of_the_training() -> None:
    begins = (
        "import random, sys\nfrom callsheet_plugins.progress import Progress\nfrom plugins.progress.runs import begin\n"
        "assert 'rich.style' not in sys.modules\nrandom.seed(0)\nbefore = random.getstate()\n"
        "begin(Progress(), 10)\nassert random.getstate() == before and 'rich.style' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", begins], cwd=TESTS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_plugins.progress")


def test_a_trainer_that_learns_by_rewards_shows_the_reward_and_no_loss(
    capsys: pytest.CaptureFixture[str], run_trainer: Callable[..., Any]
) -> None:
    plugin, rewards = Progress(every_steps=1), Rewarded()
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
    assert numbers({"reward": float("nan"), "loss": 0.0, "learning_rate": 1e-6}) == ["lr 1.0e-06"]
    assert numbers({"loss": float("nan")}) == ["loss nan"]


def test_the_reward_is_weighted_as_the_trainer_does() -> None:
    rollouts = Rollouts(["a", "a"], ["b", "c"], {"one": [1.0, 3.0], "two": [float("nan"), 2.0]}, [0.0, 0.0])
    assert mean_reward(rollouts, [1.0, 0.5]) == (1 + 3 + 1) / 2 and mean_reward(rollouts, None) == 3.0


def test_a_score_of_a_job_gets_a_line_with_its_change(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = Progress(every_steps=1000)
    begin(plugin, 600)
    for step, value in ((100, 0.5), (300, 0.75), (200, 0.6)):
        plugin.on_benchmark_eval(LogContext(Path()), EvalResult("gsm8k", {"exact_match": value}), [], step=step)
    assert capsys.readouterr().out.splitlines() == [
        "step 100/600  gsm8k  exact_match 0.5",
        "step 300/600  gsm8k  exact_match 0.75  (+0.25)",
        "step 200/600  gsm8k  exact_match 0.6",
    ]


def test_a_score_in_the_loop_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = Progress(every_steps=1000)
    state = begin(plugin, 600)
    plugin.on_benchmark_eval(LogContext(Path()), EvalResult("test", {"accuracy": 0.5}), [], step=100)
    plugin.on_eval(state, 100, "test", {"accuracy": 0.5})
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_forced_colours_do_not_make_a_terminal_of_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    plugin = Progress(every_steps=2)
    run(plugin, 2, LazyMetrics())
    out = capsys.readouterr().out
    assert isinstance(plugin._display, Lines) and out.startswith("\x1b[1mstep 2/2\x1b[0m") and out.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "display", "is_live"),
    [
        ({}, "auto", True),
        ({}, "lines", False),
        ({"TERM": "dumb"}, "auto", False),
        ({"TERM": "dumb"}, "live", False),
        ({"SLURM_JOB_ID": "7"}, "auto", False),
        ({"SLURM_JOB_ID": "7"}, "live", True),
        ({"CI": "true"}, "auto", False),
        ({"CI": "false"}, "auto", True),
        ({"NO_COLOR": "1"}, "auto", True),
    ],
)
def test_which_terminal_gets_a_live_display(
    environment: dict[str, str], display: str, is_live: bool, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    plugin = Progress(display=display)
    begin(plugin, 10)
    assert isinstance(plugin._display, Live) is is_live
    end(plugin)


def test_no_wish_makes_a_terminal_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = Progress(display="live")
    begin(plugin, 10)
    assert isinstance(plugin._display, Lines)


@pytest.mark.usefixtures("terminal")
def test_a_live_display_reads_the_loss_once_a_second_at_most_and_not_if_it_was_logged() -> None:
    metrics = LazyMetrics()
    plugin = Progress()
    state = begin(plugin, 1000)
    steps(plugin, state, 500, metrics)
    first = metrics.reads
    plugin.on_log(state, {"loss": 1.0, "learning_rate": 0.1})
    plugin._display._shown = 0.0  # type: ignore[union-attr]  # as after a second
    plugin.on_log(state, {"loss": 1.0, "learning_rate": 0.1})
    steps(plugin, state, 501, metrics)
    end(plugin)
    assert first <= 4 and metrics.reads == first


def test_the_old_name_works_and_is_said_to_be_old(callsheet: Callable[..., Any]) -> None:
    done = callsheet("check", "recipe=demo", "plugins=[print_progress]", "plugins.print_progress.every_steps=7")
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert said.count("Plugin print_progress is called progress now") == 1


def test_both_names_at_once_are_refused(callsheet: Callable[..., Any]) -> None:
    done = callsheet("check", "recipe=demo", "plugins=[print_progress,progress]")
    assert done.returncode == 2 and "progress is selected twice" in done.stdout + done.stderr


def test_a_script_is_told_the_new_name_once(caplog: pytest.LogCaptureFixture) -> None:
    deprecations._tell.cache_clear()
    for _ in range(2):
        callsheet.callbacks("print_progress", overrides=["plugins.print_progress.every_steps=7"])
    assert [*map(str, caplog.messages)] == [
        "Plugin print_progress is called progress now, and so are its settings, plugins.progress; the old name goes in "
        "Callsheet 0.3."
    ]


def test_a_set_of_its_own_name_has_metrics_of_two_prefixes() -> None:
    metrics = {"eval_code_loss": 1.5, "eval_entropy": 2.5, "eval_num_tokens": 7, "eval_code_runtime": 1.0, "epoch": 1.0}
    assert of_set("code", metrics) == {"loss": 1.5, "entropy": 2.5}
    assert of_set("eval", {"eval_loss": 1.5}) == {"loss": 1.5}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.123456, "0.1235"),
        (3e-5, "3.0e-05"),
        (12, "12"),
        (12345.678, "12.3k"),
        (1234567, "1.23M"),
        (1e300, "1e+300"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("a\n[/b]", "a\\n[/b]"),
        ("x" * 10_000, "x" * 200),
        (True, "True"),
    ],
)
def test_a_value_is_short_whatever_it_is(value: object, said: str) -> None:
    assert short(value) == said
