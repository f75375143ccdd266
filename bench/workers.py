"""What workers cost beside the processes of their arms: `python bench/workers.py [ARMS [WORKERS]]`.

The arms sleep, for lengths that differ 1 to 20; everything else is as in a real experiment.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from callsheet.experiments.arms import Arm
from callsheet.experiments.places import LOGS, WORKERS
from callsheet.experiments.queue import Entry, Queue, directory, holders
from callsheet.experiments.queue.records import of
from callsheet.experiments.workers import work
from callsheet.rundir import versions
from callsheet.rundir.rundir import now

ARMS, AT_ONCE = 200, 8
SHORTEST, SKEW = 0.2, 20  # seconds, and how much longer the longest is


def begin(root: Path, count: int) -> Queue:
    """An experiment whose arms are short for the most part."""
    queue = Queue(root)
    for folder in (LOGS, WORKERS):
        (root / folder).mkdir(parents=True)
    queue.make()
    draw = random.Random(0)
    for number in range(count):
        seconds = SHORTEST * SKEW ** draw.betavariate(1, 1.5)
        queue.add(of(Arm(f"arm{number:04}", "arm", (f"{seconds:.3f}",))))
    record = {"name": "bench", "callsheet": versions.this_one(), "created": now(), "command": {}}
    (root / "experiment.json").write_text(json.dumps(record))
    return queue


def sleeping(root: Path, experiment: directory.Experiment, entry: Entry) -> list[str]:
    return ["/bin/sleep", *entry.overrides]


def seconds(began: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


def main(count: int, at_once: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "bench"
        queue = begin(root, count)
        command = [sys.executable, __file__, "work", str(root)]
        for process in [subprocess.Popen(command) for _ in range(at_once)]:
            process.wait()
        entries = [entry for _, entry in queue.entries()]
        asked = sum(float(entry.overrides[0]) for entry in entries)
        there = sum(seconds(holder.began, holder.ended) for holder in holders.all_of(root) if holder.ended)
    once = all(len(entry.attempts) == 1 and entry.status == "completed" for entry in entries)
    print(f"{count} arms on {at_once} workers, each once: {once}")
    print(f"busy: {asked / there:.1%} of the workers' time")
    print(f"beside its process: {1000 * (there - asked) / count:.1f} ms an arm")


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        sys.exit(work(Path(sys.argv[2]), sleeping))
    main(int((sys.argv[1:] or [ARMS])[0]), int((sys.argv[2:] or [AT_ONCE])[0]))
