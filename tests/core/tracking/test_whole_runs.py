"""A run and its tracker as processes: what arrives, also after kills, late scores, and where nobody answers."""

import os
import signal
import time

import pytest
from waiting import wait_until

from callsheet.outbox.counts import counts_of
from callsheet.records import EvalResult
from callsheet.session.reopen import drain

from .conftest import lines, steps


def finished(process, code=0):
    out, err = process.communicate(timeout=200)
    assert process.returncode == code, err
    return out + err


def test_all_that_a_run_writes_arrives_once_and_in_order(tmp_path, run):
    finished(run())

    assert steps(tmp_path) == [*range(1, 11)] and steps(tmp_path, "bench/sums") == [5, 10]
    [first, *_] = lines(tmp_path, "axis")
    assert first["values"] == {"train/epoch": "0.1", "train/loss": "1.0"}
    assert [line["table"] for line in lines(tmp_path, "table")] == ["predictions/sums"] * 2
    assert lines(tmp_path, "table")[0]["rows"] == [[5, "raw", "1+1=", "2"]]
    assert lines(tmp_path)[-1] == {"end": "completed", "step": 10} and len(lines(tmp_path, "open")) == 1
    assert counts_of(tmp_path / "run") == {"done": 1, "left": 0, "failed": 0}


@pytest.mark.parametrize("victims", ["run", "all"])
def test_a_run_that_is_killed_and_resumed_goes_on_with_no_duplicate_and_no_gap(tmp_path, run, victims):
    process = run(last=400, pause=0.05)
    wait_until(lambda: len(steps(tmp_path)) > 5)
    if victims == "all":
        os.kill(lines(tmp_path, "open")[-1]["pid"], signal.SIGKILL)
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    reached = max(int(line) for line in process.communicate()[0].split())
    finished(run(first=reached - 2, last=reached + 5))

    assert steps(tmp_path) == [*range(1, reached + 6)]
    assert len({line["open"] for line in lines(tmp_path, "open")}) == 1
    assert [line["step"] for line in lines(tmp_path, "end")][-1] == reached + 5


def test_a_tracker_that_is_killed_half_through_a_batch_is_asked_what_it_has(tmp_path, run, scribing):
    (scribing / "die").touch()
    finished(run(last=20))

    assert steps(tmp_path) == [*range(1, 21)] and steps(tmp_path, "bench/sums") == [5, 10, 15, 20]
    assert not (scribing / "die").exists() and len(lines(tmp_path, "open")) == 2


def test_one_that_cannot_tell_gets_the_batch_again_and_lacks_nothing(tmp_path, run, scribing):
    (scribing / "die").touch(), (scribing / "blind").touch()
    finished(run(last=20))

    assert sorted({*steps(tmp_path)}) == [*range(1, 21)]


def test_a_score_that_comes_when_all_is_over_opens_the_run_of_the_tracker_again(tmp_path, run):
    finished(run())
    before = len(lines(tmp_path))
    _score(tmp_path, 4)

    later = lines(tmp_path)[before:]
    assert [line.get("step") for line in later if "axis" in line] == [4]
    assert later[0]["is_new"] is False and later[-1] == {"end": "completed", "step": 10}


def test_a_tracker_that_nobody_answers_for_ends_with_its_deadline_and_a_drain_sends_the_rest(tmp_path, run, scribing):
    (scribing / "stall").touch()
    began = time.monotonic()
    process = run(DEADLINE="4")
    finished(process)

    assert time.monotonic() - began < 60 and lines(tmp_path) == []
    assert counts_of(tmp_path / "run")["parked"] == 1
    (scribing / "stall").unlink()
    drain(tmp_path / "run", 100)
    assert steps(tmp_path) == [*range(1, 11)] and lines(tmp_path)[-1] == {"end": "completed", "step": 10}
    assert "parked" not in counts_of(tmp_path / "run")


@pytest.mark.parametrize(("knob", "why"), [("refuse", "nobody is there"), ("full", "no room"), ("hold", "be closed")])
def test_one_that_fails_again_and_again_ends_with_its_deadline_too(tmp_path, run, scribing, knob, why):
    from callsheet.outbox.store import EntryStore

    (scribing / knob).touch(), (scribing / "linger").touch()  # as packages do that still try to send
    finished(run(DEADLINE="8"))

    [(_, parked)] = EntryStore(tmp_path / "run").on("parked")
    assert why in str(parked.error) and "callsheet outbox drain" in str(parked.error)


def test_one_that_refuses_says_why_in_its_entry_until_it_takes_all(tmp_path, run, scribing):
    from callsheet.outbox.store import EntryStore

    (scribing / "refuse").touch()
    process = run(DEADLINE="600")
    store = EntryStore(tmp_path / "run")
    wait_until(lambda: any("nobody is there" in str(entry.error) for _, entry in store.on("pending", "active")))
    (scribing / "refuse").unlink()
    finished(process)

    assert steps(tmp_path) == [*range(1, 11)]


def _score(tmp_path, step):
    from callsheet.rundir.rundir import RunDir
    from callsheet.session.reopen import _announcer_of

    folder = RunDir(tmp_path / "run")
    announcer, settings = _announcer_of(folder)
    folder.open("scoring")
    try:
        supervisor = announcer.supervise(settings, is_run=False)
        supervisor.open()
        announcer.score(EvalResult("sums", {"exact_match": 0.5}), step=step)
        supervisor.wait(100)
        supervisor.close()
    finally:
        folder.close()
