"""Arms that are run again: what is moved aside, which stages follow, and what is refused."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from callsheet import CallsheetError
from callsheet.experiments.driver import again
from callsheet.experiments.places import ACTIVE, DONE, FAILED, PENDING
from callsheet.experiments.queue import Attempt, Entry, Queue

STAGES = [Entry("a__one", "a"), Entry("a__two", "a", after="a__one"), Entry("a__three", "a", after="a__two")]


def over(queue: Queue, entry: Entry, state: str = DONE) -> None:
    """Let an arm have run."""
    queue.add(entry)
    claim = queue.claim(entry.name, "w", 1)
    assert claim
    attempt = Attempt("w", "host", 1, "then", status="completed")
    queue.settle(claim, replace(entry, status="completed", attempts=(attempt,)), state)


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    made = Queue(tmp_path)
    made.make()
    return made


def test_the_old_run_is_moved_aside_each_time_and_the_arm_waits_again(queue: Queue):
    over(queue, Entry("a", "a"))
    for number in (1, 2):
        (queue.root / "a").mkdir()
        (queue.root / "a" / "run.json").write_text(str(number))
        new = Entry("a", "a", overrides=("peft=lora",))
        assert [*again.rerun(["a"], {"a": new}, queue)] == [("a", queue.root / "replaced" / f"a-{number}")]
        assert (queue.root / "replaced" / f"a-{number}" / "run.json").read_text() == str(number)
        waiting = queue.read(PENDING, "a")
        assert waiting and waiting.overrides == new.overrides and waiting.status is None and not waiting.attempts


@pytest.mark.parametrize("state", [DONE, FAILED, PENDING])
def test_it_does_not_matter_how_it_ended_or_that_a_driver_was_killed_in_between(queue: Queue, state: str):
    queue.add(Entry("a", "a")) if state == PENDING else over(queue, Entry("a", "a"), state)
    assert [*again.rerun(["a"], {"a": Entry("a", "a", seed=3)}, queue)] == [("a", None)]
    waiting = queue.read(PENDING, "a")
    assert waiting and waiting.seed == 3 and queue.states() == {"a": PENDING}


def test_a_run_that_a_worker_has_begun_meanwhile_is_not_moved_from_under_it(queue: Queue):
    queue.add(Entry("a", "a"))
    (queue.root / "a").mkdir()
    again.require_idle(["a"], queue)
    assert queue.claim("a", "w", 1)
    with pytest.raises(CallsheetError, match="--rerun a: worker w works on it"):
        [*again.rerun(["a"], {"a": Entry("a", "a")}, queue)]
    assert (queue.root / "a").is_dir() and not (queue.root / "replaced").exists()


def test_the_stages_that_begin_with_its_weights_are_run_again_too():
    assert again.with_heirs(["a__two"], STAGES) == ["a__two", "a__three"]
    assert again.with_heirs(["a__one"], STAGES) == ["a__one", "a__two", "a__three"]


def test_an_unknown_arm_is_named_with_the_nearest():
    with pytest.raises(CallsheetError, match=r"--rerun a_one: there is no such arm\. Did you mean 'a__one'\?"):
        again.with_heirs(["a_one"], STAGES)


def test_an_arm_of_several_runs_is_told_them():
    arms = [Entry("a__s0", "a", seed=0), Entry("a__s1", "a", seed=1), Entry("b__s0", "b", seed=0)]

    with pytest.raises(CallsheetError, match=r"--rerun a: name its runs, with a --rerun for each: a__s0, a__s1\.$"):
        again.with_heirs(["a"], arms)


def test_an_arm_that_a_worker_has_in_hand_is_left_to_it(queue: Queue):
    queue.add(Entry("a", "a"))
    queue.claim("a", "host-7-abc", 1)
    with pytest.raises(CallsheetError, match="--rerun a: worker host-7-abc works on it"):
        again.require_idle(["a"], queue)


def test_a_driver_that_is_killed_while_it_has_an_arm_in_hand_holds_nobody_up(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
):
    queue.add(Entry("a", "a"))
    if not (driver := os.fork()):
        monkeypatch.setattr(again, "_move_aside", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        [*again.rerun(["a"], {"a": Entry("a", "a")}, queue)]
    os.waitpid(driver, 0)
    assert queue.states() == {"a": ACTIVE}
    again.require_idle(["a"], queue)
    assert [*again.rerun(["a"], {"a": Entry("a", "a", seed=3)}, queue)] == [("a", None)]
    waiting = queue.read(PENDING, "a")
    assert waiting and waiting.seed == 3 and queue.states() == {"a": PENDING}
