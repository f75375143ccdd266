from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

from stub_experiment import Stub, begin, entries, started
from waiting import PATIENCE

from callsheet.experiments.queue import Queue

SEED, KILLS, WORKERS, ARMS = 11, 20, 4, 40


def run_events(queue: Queue, name: str) -> list[str]:
    return [line.split()[0] for line in (queue.root / name / "events").read_text().splitlines()]


def test_each_arm_is_settled_once_whoever_is_killed_and_when(tmp_path: Path) -> None:
    """Workers are killed at random moments, and others take their place; an arm's file is never lost nor doubled."""
    draw = random.Random(SEED)
    queue = begin(tmp_path / "e", [Stub(f"a{number:02}", 0.02 * 20 ** draw.random()) for number in range(ARMS)])
    workers = [started(queue.root) for _ in range(WORKERS)]
    kills, end = 0, time.monotonic() + PATIENCE
    while not (queue.is_over and kills == KILLS):
        assert time.monotonic() < end, queue.states()
        time.sleep(draw.uniform(0.0, 0.15))
        if kills < KILLS and not queue.is_over:
            victim = draw.randrange(WORKERS)
            kills += killed(workers[victim])
            workers[victim] = started(queue.root)
        elif queue.is_over:
            break
        elif not any(worker.poll() is None for worker in workers):
            workers[0] = started(queue.root)
    for worker in workers:
        worker.communicate(timeout=PATIENCE)
    found = entries(queue)
    assert len(found) == ARMS == len(queue.names("done"))
    for name, entry in found.items():
        happened = run_events(queue, name)
        assert happened.count("ended") == 1 and happened[-1] == "ended", (name, happened)
        assert entry.status == "completed"
        assert [attempt.status for attempt in entry.attempts].count("lost") >= happened.count("begun") - 1
        assert not {attempt.status for attempt in entry.attempts} - {"lost", "completed"}
    assert kills >= KILLS // 2, "the arms were over before the kills: make them longer"
    assert not queue.moves() and not [*(queue.folder / "active").glob("*.json")]


def killed(worker: subprocess.Popen[str]) -> bool:
    lived = worker.poll() is None
    worker.kill()
    worker.communicate()
    return lived
