"""Drivers and workers that are killed at any moment: each arm runs to its end once, and each hook is called once."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import warm
from stub_experiment import entries
from stub_experiment.driver import METHODS
from waiting import PATIENCE, wait_until

from callsheet.experiments.driver import record
from callsheet.experiments.queue import Queue, holders

TESTS = Path(__file__).parents[3]
SEEDS, KILLS = 20, 20
BETWEEN = 30  # at most so many files change from one kill to the next, and mostly few, at whatever speed


def started(root: Path) -> warm.Popen:
    command = [sys.executable, "-m", "stub_experiment.driver", str(root), str(SEEDS)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with (root.parent / "log.txt").open("a") as log:
        return warm.Popen(command, workers=True, env=environment, stdout=log, stderr=log, text=True)


def workers(root: Path) -> list[int]:
    return [one.process.pid for one in holders.all_of(root) if one.ended is None and holders.lives(one.process)]


def seen(root: Path) -> set[tuple[str, int]]:
    """The files of the experiment, each with its time: what was written since is not among them."""
    found = set()
    for path in (root.parent / "diary", *root.rglob("*")):
        with suppress(FileNotFoundError):
            found.add((str(path), path.lstat().st_mtime_ns))
    return found


def wait_for_changes(root: Path, number: int, driver: warm.Popen) -> None:
    before = seen(root)
    wait_until(lambda: len(seen(root) - before) >= number or driver.poll() is not None)


def test_each_arm_and_each_hook_comes_once_through_twenty_kills(tmp_path: Path):
    root, chance = tmp_path / "stub", random.Random(20261127)
    killed: Counter[str] = Counter()
    driver = started(root)
    while killed.total() < KILLS:
        wait_for_changes(root, int(BETWEEN ** chance.random()), driver)
        time.sleep(chance.uniform(0, 0.05))
        if driver.poll() is not None:
            break  # it came to its end before all kills
        working = [("worker", pid) for pid in workers(root)]
        who, pid = chance.choice(working) if working and killed["worker"] < KILLS // 2 else ("driver", driver.pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed[who] += 1
        if who == "driver":
            driver.wait()
            driver = started(root)
    said = (tmp_path / "log.txt").read_text
    code = driver.wait(PATIENCE) or started(root).wait(PATIENCE)
    assert code == 0, said()
    assert all(killed[who] > 3 for who in ("driver", "worker")), killed
    arms = entries(Queue(root))
    assert len(arms) == SEEDS * len(METHODS) and {arm.status for arm in arms.values()} == {"completed"}
    lost = [attempt for arm in arms.values() for attempt in arm.attempts if attempt.status == "lost"]
    assert len(lost) > 3, "the kills came too late"
    ends = {name: (root / name / "events").read_text().count("ended") for name in arms}
    assert {*ends.values()} == {1}, ends
    assert Counter((tmp_path / "diary").read_text().split()) == {"start": 1, **dict.fromkeys(METHODS, 1), "end": 1}
    found = record.require(root)
    assert found.status == "completed" and len(found.arms) == len(arms)
