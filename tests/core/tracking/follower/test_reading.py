"""Each row comes once, whatever a killed process may have sent of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callsheet.tracking.cursor import Cursor
from callsheet.tracking.follower.reading import Reading
from callsheet.tracking.names import Names


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    (tmp_path / "completions").mkdir()
    return Reading(tmp_path, Names(), 100, 0.0)


def say(reading: Reading, step: int, *sources: str) -> None:
    rows = [{"step": step, "source": source, "prompt": "1 + 1 =", "completion": "2"} for source in sources]
    path = reading.inside.root / "completions" / f"{step}.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def told(reading: Reading, cursor: Cursor, until: Cursor | None = None) -> list[int]:
    return [value.step for items in reading.items(cursor, until) for _, value in items]


def test_completions_that_came_after_what_is_in_doubt_are_told_later(reading: Reading) -> None:
    cursor, in_doubt = Cursor(), Cursor()
    say(reading, 1, "eval")
    assert told(reading, in_doubt) == [1]
    say(reading, 2, "eval")
    say(reading, 1, "eval", "rollouts")

    assert told(reading, cursor, in_doubt) == [1]
    assert sorted(told(reading, cursor)) == [1, 2]
    assert told(reading, cursor) == []
