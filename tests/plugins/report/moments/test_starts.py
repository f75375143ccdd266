from pathlib import Path
from typing import Any

from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.moments.starts import KILLED, UNKNOWN, Start, starts

from ..made import BEGAN, at, make_run, write_rows


def of(folder: Path, *attempts: Any, status: str = "completed") -> list[Start]:
    make_run(folder, steps=4, scores=False, checkpoint_every=0, record={"attempts": [*attempts], "status": status})
    write_rows(folder / "events.jsonl", [{"time": at(second), "event": "x"} for second in (1, 7, 30, 47)])
    return starts(gather([folder]).runs[0])


def attempt(started: float, ended: float | None = None, status: str | None = None, **more: Any) -> dict[str, Any]:
    end = {"ended": at(ended)} if ended is not None else {}
    return {"started": at(started), "host": "node-1", **end, **({"status": status} if status else {}), **more}


def test_an_attempt_that_ended_says_how(tmp_path: Path):
    (one,) = of(tmp_path / "run", attempt(0, 50, "completed", step=4))
    assert (one.took, one.words, one.step, one.left_no_word) == (50, "took all its steps", 4, False)


def test_a_killed_attempt_ends_with_its_last_sign_of_life(tmp_path: Path):
    first, second = of(tmp_path / "run", attempt(0, status="killed"), attempt(20, 50, "completed"))
    assert (first.ended, first.how, first.left_no_word) == (BEGAN + 7, KILLED, True)
    assert second.gap == 13


def test_nobody_may_have_said_how_an_attempt_ended(tmp_path: Path):
    first, _ = of(tmp_path / "run", attempt(0), attempt(20, 50, "completed"))
    assert first.how == UNKNOWN


def test_a_run_that_is_dead_was_killed(tmp_path: Path):
    (one,) = of(tmp_path / "run", attempt(0), status="running")
    assert one.how == KILLED


def test_a_clock_that_was_set_back_makes_no_time_below_nothing(tmp_path: Path):
    first, second = of(tmp_path / "run", attempt(40, 10, "failed"), attempt(5, 50, "completed"))
    assert (first.took, second.gap) == (None, None)


def test_attempts_with_fields_of_any_type_are_told(tmp_path: Path):
    odd = [{}, {"started": 7, "ended": [], "status": {}, "host": None, "step": "x"}, {"started": "soon"}]
    assert len(of(tmp_path / "run", *odd)) == 3
