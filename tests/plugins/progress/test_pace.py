"""Speed and time left, and which tokens count."""

from __future__ import annotations

import pytest
import torch

from callsheet_plugins.progress import pace as module
from callsheet_plugins.progress.pace import Pace, Tokens, tokens_in


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_the_first_step_counts_only_while_there_is_no_other(clock: list[float]) -> None:
    pace = Pace(0, 100, started=100.0)
    assert pace.seconds is None and pace.left is None
    clock[0] += 60  # it compiles
    pace.step(1)
    assert pace.seconds == 60
    for step in range(2, 12):
        clock[0] += 2
        pace.step(step)
    assert pace.seconds == 2 and pace.left == 2 * 89
    clock[0] += 1
    assert pace.left == 2 * 89 - 1  # it counts down between two steps


def test_a_resumed_run_is_timed_from_where_it_was_resumed(clock: list[float]) -> None:
    pace = Pace(500, 1000)
    for step in (501, 502, 503):
        clock[0] += 3
        pace.step(step)
    assert pace.seconds == 3 and pace.left == 3 * 497


def test_steps_without_an_end_have_no_time_left(clock: list[float]) -> None:
    pace = Pace(0, 0)
    pace.step(1)
    clock[0] += 1
    pace.step(2)
    assert pace.seconds == 1 and pace.left is None


def test_tokens_are_those_that_the_trainer_logs(clock: list[float]) -> None:
    tokens = Tokens(4)
    tokens.step([{"input_ids": torch.zeros(2, 1000)}])
    tokens.logged({"num_tokens": 0.0})
    clock[0] += 10
    tokens.step([{"input_ids": torch.zeros(2, 1000)}])
    assert tokens.per_second == 4 * 2000 / 10  # of all ranks, by their shapes
    tokens.logged({"num_tokens": 3000.0})
    assert tokens.per_second == 300


def test_the_time_of_an_evaluation_does_not_count(clock: list[float]) -> None:
    tokens = Tokens(1)
    tokens.logged({"num_tokens": 0.0})
    clock[0] += 10
    tokens.evaluating(True)
    clock[0] += 90
    tokens.evaluating(True)
    tokens.evaluating(False)
    tokens.logged({"num_tokens": 1000.0})
    assert tokens.per_second == 100


@pytest.mark.parametrize(
    ("batch", "count"),
    [
        ({"input_ids": torch.zeros(2, 8), "labels": torch.zeros(2, 8)}, 16),
        ({"chosen_input_ids": torch.zeros(2, 8), "rejected_input_ids": torch.zeros(2, 6)}, 28),
        ({"prompt": ["a"]}, 0),
        ([{"prompt": "a"}], 0),
    ],
)
def test_tokens_of_a_batch(batch: dict[str, object], count: int) -> None:
    assert tokens_in(batch) == count
