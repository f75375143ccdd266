"""The live display on a real terminal: what stands there, what is printed meanwhile, and how it is left."""

from __future__ import annotations

import logging
import os
import random
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import warm
from conftest import QUIET
from waiting import PATIENCE

from callsheet import EvalResult, LoopState, Plugin, hookimpl
from callsheet_plugins.progress import Progress
from callsheet_plugins.progress.screen import live
from plugins.progress.conftest import ELSEWHERE, use
from plugins.progress.emulator import Terminal
from plugins.progress.runs import begin, end, steps

LOGS = {"loss": 1.25, "learning_rate": 2e-5, "grad_norm": 0.5, "entropy": 1.5, "rewards/accuracy/mean": 0.75}
ODD = {
    "[/b]": 1.0,
    "[bold]": float("nan"),
    "a\x1b[31m\x1b]0;title\x07": 2.0,
    "line\nbreak\r": float("inf"),
    "中文/指标": 3.0,
    "party/👩‍👩‍👧🎉": 4.0,
    "rtl/\u202eabc": 5.0,
    "x" * 10_000: 1e300,
}


@pytest.fixture
def plugin() -> Progress:
    return Progress()


def feed(plugin: Progress, state: LoopState, last: int, logs: Mapping[str, Any] = LOGS) -> None:
    steps(plugin, state, last)
    plugin.on_log(state, logs)


def test_it_shows_step_loss_and_time_left(terminal: Terminal, plugin: Progress) -> None:
    state = begin(plugin, 1000)
    feed(plugin, state, 410)
    shown = terminal.shows("410/1000", "loss 1.250", " left", "entropy 1.5")
    end(plugin)
    assert any(re.match(r" rewards +accuracy/mean 0\.75", line) for line in shown)


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (40, 24), (20, 5), (1, 1)])
@pytest.mark.parametrize("logs", [LOGS, ODD, {f"group{n % 40}/metric_{n}": n for n in range(1000)}])
def test_no_line_is_folded_whatever_the_size_and_the_metrics(
    size: tuple[int, int], logs: dict[str, float], plugin: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = use(Terminal(*size), monkeypatch)
    state = begin(plugin, 1000)
    feed(plugin, state, 410, {**LOGS, **logs})
    plugin.on_eval(state, 410, "held_out", {"eval_held_out_loss": 1.0, **logs})
    end(plugin)
    shown = terminal.waits_for(lambda shown: shown[-1] == "" and (len(shown) > 2 or size == (1, 1)))
    assert terminal.screen.folded == 0 and len(shown) <= size[1] + 2
    if size[0] >= 40:
        assert "410/1000" in shown[1] and any("loss 1.250" in line for line in shown)


def test_forty_columns_say_step_loss_and_time_left(plugin: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use(Terminal(40, 24), monkeypatch)
    feed(plugin, begin(plugin, 100_000), 41_000)
    shown = terminal.shows("41000/100000", "loss 1.250", " left")
    end(plugin)
    assert sum("left" in line for line in shown) == 1


def test_what_is_printed_comes_above_and_whole(terminal: Terminal, plugin: Progress) -> None:
    feed(plugin, begin(plugin, 100), 41)
    terminal.shows("41/100")
    print("first")
    sys.stderr.write("second, ")
    print("third", file=sys.stderr)
    print("\r 10%|#         |\r 100%|##########|\x1b[A\x1b[31m red")
    terminal.shows("second, third", "100%|##########| red")
    end(plugin)
    print("after")
    shown = terminal.shows("after")
    lines = [line for line in shown if line]
    assert lines[:3] == ["first", "second, third", " 100%|##########| red"]
    assert lines[3].startswith(" train") and lines[-1] == "after"
    assert sum(line.startswith(" train") for line in lines) == 1  # nothing of an earlier drawing is left


def test_warnings_come_once_and_are_counted(terminal: Terminal, plugin: Progress) -> None:
    early = logging.StreamHandler(sys.stderr)  # as transformers makes when it is imported
    logger = logging.getLogger("plugins.progress")
    logger.addHandler(early)
    state = begin(plugin, 100)
    warnings.simplefilter("always")  # as a library that resets Python's record of shown ones
    for _ in range(5):
        logger.warning("careful [/b] %s", "here")
        warnings.warn("watch out", UserWarning, stacklevel=1)
    feed(plugin, state, 41)
    shown = terminal.shows("2 kinds", "repeats not shown")
    end(plugin)
    logger.removeHandler(early)
    assert shown.count("careful [/b] here") == 1 and sum("UserWarning: watch out" in line for line in shown) <= 2
    assert any("8 repeats not shown" in line for line in shown)
    assert early.stream is sys.stderr and not early.filters


def test_a_handler_that_writes_to_a_file_gets_each_of_them(
    terminal: Terminal, plugin: Progress, tmp_path: Path
) -> None:
    handler = logging.FileHandler(tmp_path / "log")
    logger = logging.getLogger("plugins.progress")
    logger.addHandler(handler)
    begin(plugin, 100)
    for _ in range(3):
        logger.warning("again")
    end(plugin)
    logger.removeHandler(handler)
    assert (tmp_path / "log").read_text() == "again\n" * 3


def test_a_new_size_is_drawn(terminal: Terminal, plugin: Progress) -> None:
    feed(plugin, begin(plugin, 1000), 410)
    terminal.shows("410/1000")
    terminal.resize(50, 24)
    terminal.waits_for(lambda shown: max(map(len, shown)) < 50)
    end(plugin)
    assert terminal.screen.folded == 0


def test_the_terminal_is_as_before_when_it_ends(terminal: Terminal, plugin: Progress) -> None:
    before = sys.stdout, sys.stderr, warnings.showwarning, signal.getsignal(signal.SIGTSTP)
    state = begin(plugin, 100)
    feed(plugin, state, 41)
    end(plugin)
    assert (sys.stdout, sys.stderr, warnings.showwarning, signal.getsignal(signal.SIGTSTP)) == before
    terminal.shows("41/100")
    assert b"\x1b[?25l" not in terminal.raw and b"\x1b[?1049" not in terminal.raw and terminal.screen.x == 0
    assert not [each for each in threading.enumerate() if each.name == "callsheet-progress"]


def test_a_terminal_that_takes_nothing_keeps_no_step_waiting(plugin: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.5)
    terminal = use(Terminal(reads=False), monkeypatch)
    state = begin(plugin, 100_000)
    for number in range(5_000):
        print(f"line {number} {'x' * 50}")
    feed(plugin, state, 2_000)  # returns
    assert len(plugin._display._lines) <= live.WAITING_LINES  # type: ignore[union-attr]
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    plugin._display.close()  # type: ignore[union-attr]
    assert plugin._display._is_over  # type: ignore[union-attr]
    os.set_blocking(terminal.far, False)
    while True:  # somebody reads again
        try:
            os.read(terminal.far, 1 << 20)
        except BlockingIOError:
            break


def test_a_worker_that_is_forked_prints_by_itself(terminal: Terminal, plugin: Progress) -> None:
    begin(plugin, 100)
    if (child := os.fork()) == 0:
        print("from a worker", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    terminal.shows("from a worker")
    end(plugin)


def test_without_colours_it_has_none(plugin: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use(Terminal(), monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    feed(plugin, begin(plugin, 100), 41)
    terminal.shows("41/100", "loss 1.25")
    end(plugin)
    assert {*re.findall(rb"\x1b\[([0-9;]*)m", terminal.raw)} <= {b"0", b"1", b"2"}


def test_an_encoding_without_bars_gets_plain_ones(plugin: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use(Terminal(), monkeypatch, encoding="ascii")
    feed(plugin, begin(plugin, 100), 50)
    shown = terminal.shows("50/100")
    end(plugin)
    assert terminal.raw.isascii() and any("###---" in line for line in shown)


class Rolls(Plugin):
    """Prints, warns and evaluates beside the display."""

    @hookimpl
    def on_step_end(self, state: LoopState) -> None:
        print(f"step {state.step} of a plugin")
        logging.getLogger("plugins.progress").warning("each step")

    @hookimpl
    def on_train_end(self, state: LoopState) -> None:
        assert state.ctx.cost()["progress"]["on_step_end"]["calls"] == 4
        state.report_eval(EvalResult("mine", {"accuracy": 0.5}))


def test_a_real_training_has_the_terminal_to_itself(terminal: Terminal, run_demo: Callable[..., Any]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("plugins.progress").addHandler(handler)
    run_demo("plugins=[progress]", plugins=[Rolls()])
    logging.getLogger("plugins.progress").removeHandler(handler)
    shown = terminal.shows("4/4", "mine accuracy 0.5")
    lines = [line for line in shown if line]
    assert [line for line in lines if "of a plugin" in line] == [f"step {n} of a plugin" for n in (1, 2, 3, 4)]
    assert lines.count("each step") == 1
    assert any(re.match(r" warnings +.*[1-9]\d* repeats not shown", line) for line in lines)
    assert any(re.match(r" eval +loss \d", line) for line in lines) and any(" plugins " in line for line in lines)
    assert not any("it/s" in line or "{'loss'" in line for line in lines)


def test_rewards_come_first(terminal: Terminal, run_trainer: Callable[..., Any]) -> None:
    run_trainer("grpo", "plugins=[progress]", "trainer.args.logging_steps=1")
    shown = terminal.shows("2/2", "reward ")
    assert any(re.match(r" step +reward [-\d.]+ ± [\d.]+   loss ", line) for line in shown), shown


def test_a_display_that_cannot_draw_says_so_and_lets_the_lines_through(
    terminal: Terminal, plugin: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("no lines today")

    monkeypatch.setattr(live, "rows", broken)
    begin(plugin, 100)
    terminal.shows("The display of progress ends here: RuntimeError: no lines today")
    print("still here")
    terminal.shows("still here")
    end(plugin)


def test_observing_changes_nothing(terminal: Terminal, run_demo: Callable[..., Any]) -> None:
    def ended(*overrides: str, **where: str) -> tuple[dict[str, Any], Any, Any]:
        state = run_demo("+model.kwargs.attention_dropout=0.5", *overrides, **where).state
        weights = {name: tensor.clone() for name, tensor in state.model.state_dict().items()}
        return weights, torch.get_rng_state(), random.getstate()

    bare = ended("plugins=[]", output_dir="bare")
    shown = ended("plugins=[progress]", output_dir="shown")
    terminal.shows("4/4")
    assert all(torch.equal(shown[0][name], bare[0][name]) for name in bare[0])
    assert torch.equal(shown[1], bare[1]) and shown[2] == bare[2]


def test_ctrl_c_stops_a_command_in_its_terminal_and_leaves_it_clean(tmp_path: Path) -> None:
    terminal = Terminal(100, 30)
    own_it = "import os, fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE} | {"TERM": "xterm"}
    run = [
        *QUIET,
        "plugins=[progress]",
        "trainer.args.max_steps=100000",
        "trainer.args.save_steps=100000",
        "output_dir=run",
    ]
    program = (
        f"{own_it}import sys; sys.argv = {['callsheet', 'train', *run]!r}; from callsheet.__main__ import run; run()"
    )
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal.near)
    with warm.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, start_new_session=True, **streams
    ) as process:
        terminal.shows("/100000", "loss ")
        os.write(terminal.far, b"\x03")
        code = process.wait(PATIENCE)
    shown = terminal.shows("To go on from checkpoint-")
    lines = [line for line in shown if line]
    assert code == 130, shown
    (said,) = [line for line in lines if line.startswith("SIGINT: finishing this step")]
    assert sum(line.startswith(" train ") for line in lines) == 1, shown
    assert lines.index(said) < next(n for n, line in enumerate(lines) if line.startswith(" train "))
    assert terminal.screen.x == 0 and b"\x1b[?25l" not in terminal.raw
