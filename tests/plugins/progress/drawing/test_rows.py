"""Which lines a board gets, and what they say."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from callsheet_plugins.progress.board import Board, Evaluating
from callsheet_plugins.progress.drawing.fitting import Fitter
from callsheet_plugins.progress.drawing.rows import rows
from callsheet_plugins.progress.pace import Pace, Tokens


def board(**known: Any) -> Board:
    made = Board(Pace(0, 1000), Tokens(1), step=410, **known)
    made.pace.step(1)
    made.pace.step(410)
    return made


def shown(of: Board, columns: int = 79, lines: int = 22) -> list[str]:
    fit = Fitter(cell_len, columns)
    return ["".join(text for text, _ in line).rstrip() for line in rows(of, lines, fit)]


def test_metrics_stand_in_groups_and_what_has_no_room_is_counted() -> None:
    made = board(metrics={f"{group}/m{n}": n for group in "ab" for n in range(30)})
    lines = shown(made, lines=10)
    assert len(lines) == 10 and lines[-1] == " " * 10 + "… and 48 more metrics"
    assert lines[3].startswith(" a        m0 0") and lines[8].startswith(" b        m0 0")


@pytest.mark.parametrize("lines", range(1, 8))
def test_what_matters_most_stays_where_there_is_little_room(lines: int) -> None:
    made = board(metrics={"loss": 1.0, "x": 1.0, "y/z": 2.0}, cost=lambda: {"bema": 1.0})
    made.evaluated("eval", 400, {"eval_loss": 1.0})
    words = [line.split()[0] for line in shown(made, lines=lines)]
    assert len(words) == min(lines, 7) and words[0] == "train" and (lines < 2 or "step" in words)


def test_an_evaluation_shows_its_change_and_a_repeated_one_the_same() -> None:
    made = board()
    made.evaluated("code", 100, {"eval_code_loss": 1.5, "eval_code_runtime": 1.0})
    made.evaluated("code", 200, {"eval_code_loss": 1.25, "eval_code_runtime": 1.0})
    made.evaluated("code", 200, {"eval_code_loss": 1.25})
    assert any(line.startswith(" code     loss 1.25 ▼ 0.25") for line in shown(made))


def test_the_change_of_a_score_is_to_an_earlier_step_however_late_it_comes() -> None:
    made = board()
    for step, value in ((100, 0.5), (300, 0.75), (200, 0.625)):
        made.scored("gsm8k", {"note": "text", "exact_match": value}, step)
    (line,) = [line for line in shown(made) if "gsm8k" in line]
    assert line == " scores   gsm8k exact_match 0.75 ▲ 0.12  step 300"


def test_the_outbox_says_what_failed_first() -> None:
    counts = {"pending": 2, "active": 1, "parked": 0, "done": 5, "failed": 3}
    lines = shown(board(outbox=lambda: {"benchmarks": counts, "hub_revisions": {"done": 4}}))
    assert " outbox   benchmarks 3 failed 1 active 2 pending · hub_revisions 4 done" in lines


def test_the_bar_of_an_evaluation_without_a_known_end_counts() -> None:
    lines = shown(board(evaluating=Evaluating("held_out", 7)))
    assert any(line.startswith(" eval") and line.endswith(" 7  held_out") for line in lines)


def test_a_reward_that_is_not_known_yet_is_not_shown() -> None:
    made = board(learns_by_rewards=True, figures={"reward": float("nan"), "learning_rate": 1e-6})
    assert any(line == " step     lr 1.0e-06" for line in shown(made))
