"""Making such an experiment, and starting workers of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from callsheet.experiments.arms import Arm
from callsheet.experiments.places import LOGS, WORKERS
from callsheet.experiments.queue import Entry, Queue, directory
from callsheet.experiments.queue.records import of
from callsheet.rundir import versions
from callsheet.rundir.rundir import now

ARM = Path(__file__).with_name("arm.sh")
TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Stub:
    """An arm that takes `seconds`, once it is not stopped, and ends with `code`."""

    name: str
    seconds: float = 0.0
    code: int = 0
    after: str | None = None
    more: Sequence[str] = field(default=())


def begin(root: Path, stubs: Sequence[Stub], **settings: object) -> Queue:
    """The directory of an experiment, as its driver makes it."""
    queue = Queue(root)
    root.mkdir(parents=True, exist_ok=True)
    for folder in (LOGS, WORKERS):
        (root / folder).mkdir(exist_ok=True)
    queue.make()
    for stub in stubs:
        overrides = (f"{stub.seconds:g}", str(stub.code), *stub.more)
        queue.add(of(Arm(stub.name, stub.name, overrides, after=stub.after)))
    record = {
        **{"name": root.name, "callsheet": versions.this_one(), "created": now(), "settings": settings},
        **{"command": {"flags": [], "overrides": [], "cwd": str(root.parent)}},
        "arms": [{"name": stub.name} for stub in stubs],
    }
    (root / "experiment.json").write_text(json.dumps(record))
    return queue


def command(root: Path, experiment: directory.Experiment, entry: Entry) -> list[str]:
    return ["/bin/sh", str(ARM), str(root / entry.name), *entry.overrides]


def started(
    root: Path, env: Mapping[str, str] | None = None, within: Sequence[str] = (), **options: object
) -> subprocess.Popen[str]:
    """A worker as a process of its own, started by the program `within`; it ends with its exit code."""
    program = f"""
import logging, sys
from pathlib import Path
from stub_experiment.worker import main
sys.exit(main(Path({str(root)!r}), {options!r}))
"""
    env = {**os.environ, **(env or {}), "PYTHONPATH": str(TESTS)}
    return subprocess.Popen(
        [*within, sys.executable, "-c", program], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def entries(queue: Queue) -> dict[str, Entry]:
    return {entry.name: entry for _, entry in queue.entries()}
