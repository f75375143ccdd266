"""The process that reads what one job left: a task as JSON on its standard input, an answer on its standard output.

It has little memory and little time, so that whatever an engine left, and whatever its reader does, ends here.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError, first_line
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.dispatch.contract import LOG
from callsheet_plugins.benchmarks.engines import Malformed, Work, engine
from callsheet_plugins.benchmarks.reading import log, output
from callsheet_plugins.benchmarks.reading.kept import FULL, kept

MEMORY_BYTES = 1 << 30
SECONDS = 600
SAID = 1000  # characters
PREDICTIONS = "predictions.jsonl"
LOG_IS_BLANK = b"\n"  # ahead of the answer


@dataclass(frozen=True)
class Answer:
    """The `scores`, as `kept` made them, or why there are none.

    `malformed` says what is wrong with the results, `missing` that the engine is no longer installed, and `errno` that
    the disk was full.
    """

    scores: dict[str, Any] | None = None
    malformed: str = ""
    missing: str = ""
    errno: int = 0


def main() -> None:
    task = json.loads(sys.stdin.buffer.read())
    out, nowhere = os.dup(1), os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # an engine may print, and ask
        os.dup2(nowhere, stream)
    _limit()
    work = _work(task)
    _blank(work.folder / LOG)
    os.write(out, LOG_IS_BLANK)
    answer = _scores(work) if task["scored"] else Answer()
    os.write(out, json.dumps(vars(answer)).encode())
    with suppress(Exception):  # the answer stands
        output.blank(work.out)
    os._exit(0)  # whatever an engine still runs


def _blank(path: Path) -> None:
    try:
        log.blank(path)
    except Exception:
        log.drop(path)


def _scores(work: Work) -> Answer:
    try:
        reader = engine(work.benchmark.engine)
    except CallsheetError as error:
        return Answer(missing=str(error))
    try:
        return Answer(kept(reader.results(work), work.folder / PREDICTIONS))
    except Malformed as error:
        return Answer(malformed=str(error)[:SAID])
    except MemoryError:
        return Answer(malformed=f"reading them takes more than {_memory() >> 20} MiB of memory.")
    except BaseException as error:  # of an engine's own
        if isinstance(error, OSError) and error.errno in FULL:
            return Answer(errno=error.errno)
        return Answer(malformed=f"{type(error).__name__}: {first_line(error)[:SAID]}.")


def _work(task: dict[str, Any]) -> Work:
    about = task["work"]
    paths = {name: Path(about[name]) for name in ("folder", "out")}
    return Work(**{**about, **paths, "benchmark": Benchmark(**about["benchmark"])})


def _memory() -> int:
    """How many bytes this process may have: less than it asks for below a `ulimit -v`."""
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS)]
    return min(limit for limit in (*limits, MEMORY_BYTES) if limit != resource.RLIM_INFINITY)


def _limit() -> None:
    """Nobody need live for this process to end: it ends itself."""
    with suppress(ValueError, OSError):  # a lower limit holds already
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)


if __name__ == "__main__":
    main()
