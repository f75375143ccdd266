"""Numbers that a plugin logs later are read when the trainer logs, and none of them is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import callsheet
from callsheet import Plugin, hookimpl


class Measures(Plugin):
    """Has a number after each step, which it would rather not wait for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.read: list[tuple[int, int]] = []  # the step of the number, and the one at which it was read

    @hookimpl
    def on_step_end(self, state: Any, step_idx: int) -> None:
        def number() -> int:
            self.read.append((step_idx, state.step))
            return step_idx

        state.log_later({"mine/number": number})


class Raises(Plugin):
    @hookimpl
    def on_step_end(self, state: Any, step_idx: int) -> None:
        state.log_later({"mine/none": lambda: 1 / 0})


def logged(trainer: Any, name: str = "mine/number") -> list[tuple[int, float]]:
    return [(row["step"], row[name]) for row in trainer.state.log_history if name in row]


def test_the_last_number_is_read_when_the_trainer_logs(tiny_trainer: Any) -> None:
    trainer, plugin = tiny_trainer(logging_steps=3, save_strategy="no", max_steps=6), Measures(on_error="raise")
    callsheet.attach(trainer, plugin)
    trainer.train()
    assert plugin.read == [(3, 3), (6, 6)]
    assert logged(trainer) == logged(trainer, "mine/number") == [(3, 3), (6, 6)]
    assert [step for step, _ in logged(trainer, "loss")] == [3, 6]


def test_a_checkpoint_has_the_number_of_its_step(tiny_trainer: Any, tmp_path: Path) -> None:
    trainer, plugin = tiny_trainer(logging_steps=100, save_steps=2), Measures(on_error="raise")
    callsheet.attach(trainer, plugin)
    trainer.train()
    assert logged(trainer) == [(2, 2), (4, 4), (6, 6)]
    saved = json.loads((tmp_path / "run" / "checkpoint-4" / "trainer_state.json").read_text())
    assert [row["mine/number"] for row in saved["log_history"]] == [2, 4]
    assert logged(trainer, "loss") == [], "the trainer logs when it would log without a plugin"


def test_the_end_of_training_logs_what_waits(tiny_trainer: Any) -> None:
    trainer, plugin = tiny_trainer(logging_steps=100, save_strategy="no"), Measures(on_error="raise")
    callsheet.attach(trainer, plugin)
    trainer.train()
    assert plugin.read == [(6, 6)] and logged(trainer) == [(6, 6)]


def test_what_cannot_be_read_is_reported_as_of_its_plugin_and_costs_nobody_else_a_number(
    tiny_trainer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = tiny_trainer()
    callsheet.attach(trainer, Raises(on_error="warn"), Measures(on_error="raise"))
    trainer.train()
    assert [step for step, _ in logged(trainer)] == [2, 4, 6] and logged(trainer, "mine/none") == []
    assert "Plugin 'raises'" in caplog.text and "raised in log_later on rank 0: ZeroDivisionError" in caplog.text


def test_nothing_is_left_for_the_next_training_by_one_that_raised(tiny_trainer: Any) -> None:
    class Breaks(Plugin):
        @hookimpl
        def on_step_end(self, state: Any, step_idx: int) -> None:
            if broken.pop("is", None):
                state.log_later({"mine/number": lambda: step_idx})
                raise RuntimeError("broken")

    broken = {"is": True}
    trainer = tiny_trainer()
    callsheet.attach(trainer, Breaks(on_error="raise"))
    with pytest.raises(Exception, match="broken"):
        trainer.train()
    trainer.train()
    assert logged(trainer) == [] and len(logged(trainer, "loss")) == 3


def test_without_a_host_a_number_is_logged_at_once() -> None:
    from callsheet import LogContext, LoopState

    class Logs(LoopState):
        def log(self, values: Any) -> None:
            seen.append(values)

    seen: list[Any] = []
    Logs(LogContext(Path()), print, print).log_later({"a": lambda: 1})  # type: ignore[arg-type]
    assert seen == [{"a": 1}]
