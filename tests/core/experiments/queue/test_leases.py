from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from callsheet.experiments.queue import Claim, Queue, holders, leases
from callsheet.experiments.queue.holders import Holder, Process
from callsheet.experiments.queue.leases import Lease, Watch

SHORT = Lease(beat=0.01, limit=0.2)
LONG = Lease()


def worker(queue: Queue, **changes: object) -> Holder:
    made = replace(holders.this_process("0"), **changes)
    holders.write(queue.root, made)
    return made


def claimed(queue: Queue, holder: Holder) -> Claim:
    claim = queue.claim("a", holder.id, 1)
    assert claim
    return claim


def dead() -> Process:
    process = subprocess.Popen([sys.executable, "-c", "0"])
    found = holders.process(process.pid)
    process.wait()
    return found


def silent(queue: Queue, claim: Claim) -> None:
    os.utime(queue.claim_path(claim), (1, 1))


def test_a_worker_that_is_dead_on_this_host_loses_its_arm_at_once(queue: Queue) -> None:
    me, other = worker(queue), worker(queue, id="other", process=dead(), arm="a", arm_since="2026-01-01T00:00:00+00:00")
    claimed(queue, other)
    assert Watch(queue, me.id, LONG).give_back_lost() == ["a"]
    entry = queue.read("pending", "a")
    assert entry
    (attempt,) = entry.attempts
    assert (attempt.worker, attempt.status, attempt.started) == ("other", "lost", "2026-01-01T00:00:00+00:00")


def test_a_process_with_the_number_of_a_dead_one_is_another(queue: Queue) -> None:
    me = worker(queue)
    claimed(queue, worker(queue, id="other", process=Process(os.getpid(), 1)))
    assert Watch(queue, me.id, LONG).give_back_lost() == ["a"]


def test_an_arm_is_held_while_the_keeper_of_its_process_lives(queue: Queue) -> None:
    me = worker(queue)
    keeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claimed(queue, worker(queue, id="other", process=dead(), keeper=holders.process(keeper.pid)))
    watch = Watch(queue, me.id, LONG)
    assert watch.give_back_lost() == []
    keeper.communicate(b"\n")
    assert watch.give_back_lost() == ["a"]


@pytest.mark.parametrize("place", ["another boot", None])
def test_a_worker_elsewhere_is_gone_once_it_was_silent_for_long(queue: Queue, place: str | None) -> None:
    me = worker(queue)
    claim = claimed(queue, worker(queue, id="other", process=dead(), place=place))
    watch = Watch(queue, me.id, SHORT)
    assert watch.give_back_lost() == []
    silent(queue, claim)
    assert watch.give_back_lost() == []  # its silence was not watched yet: all are silent while a file system is away
    time.sleep(4 * SHORT.beat)
    assert watch.is_uneasy()
    assert watch.give_back_lost() == ["a"]


def test_a_sign_of_life_keeps_an_arm(queue: Queue) -> None:
    me = worker(queue)
    claim = claimed(queue, worker(queue, id="other", place="elsewhere"))
    watch = Watch(queue, me.id, SHORT)
    for _ in range(3):
        silent(queue, claim)
        watch.give_back_lost()
        time.sleep(4 * SHORT.beat)
        assert queue.beat(claim)
        assert watch.give_back_lost() == [] and not watch.is_uneasy()


def test_clocks_of_hosts_do_not_matter(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    me = worker(queue)
    claimed(queue, worker(queue, id="other", place="elsewhere"))
    watch = Watch(queue, me.id, LONG)
    watch.give_back_lost()
    monkeypatch.setattr(time, "time", lambda: 1e12)
    assert watch.give_back_lost() == []


def test_of_two_who_take_an_arm_away_at_once_one_does(queue: Queue) -> None:
    claimed(queue, worker(queue, id="other", process=dead()))
    watches = [Watch(queue, worker(queue, id=f"w{number}").id, LONG) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = [name for names in pool.map(Watch.give_back_lost, watches) for name in names]
    assert found == ["a"] and queue.states()["a"] == "pending"
    entry = queue.read("pending", "a")
    assert entry and len(entry.attempts) == 1


def test_an_arm_that_takes_many_workers_with_it_fails_in_the_end(queue: Queue) -> None:
    me = worker(queue)
    watch = Watch(queue, me.id, LONG)
    for number in range(leases.MOST_LOST):
        assert queue.states()["a"] == "pending"
        claimed(queue, worker(queue, id=f"w{number}", process=dead() if number == 0 else Process(1, 1)))
        assert watch.give_back_lost() == ["a"]
    entry = queue.read("failed", "a")
    assert entry and (entry.status, len(entry.attempts)) == ("failed", leases.MOST_LOST)


def test_an_active_arm_that_cannot_be_read_fails_alone(queue: Queue) -> None:
    me = worker(queue)
    claim = claimed(queue, worker(queue, id="other", process=dead()))
    queue.claim_path(claim).write_text("{")
    Watch(queue, me.id, LONG).give_back_lost()
    assert queue.states() == {"a": "failed", "b": "pending", "c": "pending"}


def test_the_file_of_a_worker_that_is_damaged_says_nothing(queue: Queue) -> None:
    me = worker(queue)
    claimed(queue, worker(queue, id="other", process=dead()))
    holders.path_of(queue.root, "other").write_text("{}")
    assert Watch(queue, me.id, LONG).give_back_lost() == []
    assert [holder.id for holder in holders.all_of(queue.root)] == [me.id]
