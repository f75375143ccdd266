"""What benchmarks cost the training loop and the courier: `python bench/benchmarks.py`."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from callsheet import LogContext, LoopState, ManifestRow
from callsheet.outbox.shelves import Shelves
from callsheet.session import Session
from callsheet_plugins.benchmarks import Benchmarks

FILES = 12
NAMES = 6  # benchmarks for each checkpoint
SAVES = 12
WAITING = 1000
SCORE = "import json, sys; json.dump({'metrics': {'score': 1}}, open(sys.argv[1], 'w'))"


def checkpoint(folder: Path, step: int) -> ManifestRow:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    for number in range(FILES - 1):
        (path / f"model-{number}.safetensors").write_bytes(b"w" * 1_000_000)
    (path / "config.json").write_text("{}")
    return ManifestRow(path.name, step, 0.0, path)


def plugin(command: list[str], names: int) -> Benchmarks:
    chosen = [f"b{number}" for number in range(names)]
    return Benchmarks(benchmarks=chosen, define={name: {"engine": "command", "command": command} for name in chosen})


def saving(folder: Path) -> list[float]:
    """Seconds that each checkpoint keeps the loop waiting, in a session as in a run; the jobs do next to nothing."""
    session = Session(LogContext(folder, "bench", "run", {}), {"benchmarks": plugin(["true"], NAMES)})
    taken = []
    with session:
        for step in range(1, SAVES + 1):
            row = checkpoint(folder, step)
            start = time.perf_counter()
            session.lineup.hooks.on_checkpoint(state=session.state, row=row)
            taken.append(time.perf_counter() - start)
            time.sleep(0.3)
        session.signals.received = 15  # nobody needs the scores
    return taken


def waiting(folder: Path, entries: int, seconds: float) -> float:
    """The share of a core that the courier takes while one job of `seconds` holds the only slot and the others wait."""
    ctx = LogContext(folder, "bench", "run", {})
    state = LoopState(ctx, lambda *a: None, lambda *a: None)
    slow = plugin([sys.executable, "-c", f"import time; time.sleep({seconds})"], entries)
    slow.on_checkpoint(state, checkpoint(folder, 1))
    import resource
    import subprocess

    command = [sys.executable, "-m", "callsheet.outbox.courier", str(folder), "--linger", str(seconds)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(Shelves(folder).left()) >= entries - 2
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / seconds


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken = saving(Path(folder) / "run")
    milliseconds = sorted(1000 * each for each in taken)
    print(f"A checkpoint of {FILES} files with {NAMES} benchmarks keeps the loop waiting {statistics.median(milliseconds):.1f} ms "
          f"at the median, {milliseconds[-1]:.1f} ms at most (to reach: 10 ms).")  # fmt: skip
    for entries in (100, WAITING):
        with tempfile.TemporaryDirectory() as folder:
            share = waiting(Path(folder) / "run", entries, 30.0)
        print(f"While {entries} jobs wait for one slot, the courier takes {100 * share:.1f} % of a core.")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
