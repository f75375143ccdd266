"""Exactly once: a process that dies anywhere, however often, leaves neither a gap nor a duplicate at the tracker."""

import json
import random

import pytest

from callsheet.tracking import Sink
from callsheet.tracking.cursor import CursorFile
from callsheet.tracking.follower.following import Following
from callsheet.tracking.follower.reading import Reading
from callsheet.tracking.names import Names


class Killed(BaseException):
    """What SIGKILL is for a process, in a test of one."""


class Store(Sink):
    """Keeps what it is given, and dies after so many calls."""

    batch = 7

    def __init__(self, kept, lives, knows=True):
        self.kept, self.lives, self.knows, self.had = kept, lives, knows, [*kept]

    def _live(self):
        self.lives -= 1
        if self.lives < 0:
            raise Killed

    def point(self, point):
        self._live()
        self.kept.append((point.axis, point.step, tuple(point.values)))

    def rows(self, rows):
        self._live()
        self.kept.append((rows.name, rows.step, ()))

    def flush(self):
        self._live()

    def lacks(self, item):
        names = tuple(item.values) if hasattr(item, "values") else ()
        return not self.knows or (getattr(item, "axis", None) or item.name, item.step, names) not in self.had


def follow(run_dir, sink):
    """One process, until it has nothing left to do or dies."""
    file = CursorFile(run_dir, "store")
    following = Following(Reading(run_dir, Names(), 10, 0.0), file, sink, *file.load())
    try:
        while following.step():
            pass
    except Killed:
        return False
    return True


def write(run_dir, first, last):
    (run_dir / "predictions").mkdir(exist_ok=True)
    for step in range(first, last):
        with (run_dir / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "split": "train", "loss": 1.0}) + "\n")
        if step % 3 == 0:
            (run_dir / f"predictions/{step}.jsonl").write_text('{"answer": "2"}\n')
            row = {"name": "sums", "key": str(step), "metrics": {"a": 1.0}, "step": step}
            with (run_dir / "evals.jsonl").open("a") as file:
                file.write(json.dumps({**row, "predictions": f"predictions/{step}.jsonl"}) + "\n")


def everything(last):
    scored = range(3, last, 3)
    return sorted(
        [("train", step, ("train/loss",)) for step in range(1, last)]
        + [("bench/sums", step, ("bench/sums/a",)) for step in scored]
        + [("predictions/sums", step, ()) for step in scored]
    )


@pytest.mark.parametrize("seed", range(20))
def test_no_death_at_any_moment_leaves_a_gap_or_a_duplicate(tmp_path, seed):
    chance, kept, last = random.Random(seed), [], 1
    for _ in range(12):
        first, last = max(1, last - chance.randrange(4)), last + chance.randrange(12)
        write(tmp_path, first, last)  # a resumed run repeats some steps
        follow(tmp_path, Store(kept, chance.randrange(25)))
    assert follow(tmp_path, Store(kept, 10_000))

    assert sorted(kept) == everything(last)


def test_one_that_cannot_tell_has_a_duplicate_rather_than_a_gap(tmp_path):
    kept = []
    write(tmp_path, 1, 10)
    follow(tmp_path, Store(kept, 4, knows=False))
    follow(tmp_path, Store(kept, 10_000, knows=False))

    assert {*kept} == {*everything(10)} and len(kept) == len(everything(10)) + 4


def test_with_both_files_damaged_all_is_compared_and_nothing_comes_twice(tmp_path):
    kept = []
    write(tmp_path, 1, 30)
    follow(tmp_path, Store(kept, 10_000))
    for path in (tmp_path / "trackers").iterdir():
        path.write_text("{")
    write(tmp_path, 30, 40)
    follow(tmp_path, Store(kept, 10_000))

    assert sorted(kept) == everything(40)


def test_what_hurries_is_safe_only_at_its_end(tmp_path):
    kept, file = [], CursorFile(tmp_path, "store")
    write(tmp_path, 1, 30)
    sink = Store(kept, 10_000)
    sink.hurries = lambda: True
    sink.end = lambda status, summary: None
    following = Following(Reading(tmp_path, Names(), 10, 0.0), file, sink, *file.load())
    while following.step():
        pass
    before, in_doubt = file.load()
    following.end("completed", {})

    assert before.sent == 0 and in_doubt.sent == len(everything(30))
    assert file.load()[0].sent == len(everything(30)) and file.load()[1] is None
