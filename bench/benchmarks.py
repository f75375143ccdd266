"""What benchmarks cost the training loop and the courier: `python bench/benchmarks.py`."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from callsheet import LogContext, LoopState, ManifestRow
from callsheet.outbox import Outbox
from callsheet.outbox.store import EntryStore
from callsheet.session.session import Session
from callsheet_plugins.benchmarks import Benchmarks

FILES = 12
NAMES = 6  # benchmarks for each checkpoint
SAVES = 12
WAITING = 1000
WARM_UP, WATCHED = 40.0, 30.0  # seconds
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
    session = Session(
        LogContext(folder, "bench", "run", {}, outbox=Outbox(folder)),
        {"benchmarks": plugin([sys.executable, "-c", SCORE, "{results}"], NAMES)},
    )
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


def waiting(folder: Path, entries: int) -> float:
    """The share of a core that the courier takes while one job holds the only slot and the others wait."""
    ctx = LogContext(folder, "bench", "run", {}, outbox=Outbox(folder))
    state = LoopState(ctx, lambda *a: None, lambda *a: None)
    plugin([sys.executable, "-c", "import time; time.sleep(600)"], entries).on_checkpoint(state, checkpoint(folder, 1))
    command = [sys.executable, "-m", "callsheet.outbox.courier", str(folder), "--linger", "600"]
    courier = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(WARM_UP)
        assert len(EntryStore(folder).left()) >= entries
        before = _cpu_seconds(courier.pid)
        time.sleep(WATCHED)
        return (_cpu_seconds(courier.pid) - before) / WATCHED
    finally:
        courier.kill()
        for status in folder.glob("benchmarks/*/attempt-1/status.json"):
            os.kill(json.loads(status.read_text())["pid"], signal.SIGTERM)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken = saving(Path(folder) / "run")
    milliseconds = sorted(1000 * each for each in taken)
    middle, most = statistics.median(milliseconds), milliseconds[-1]
    print(
        f"A checkpoint of {FILES} files with {NAMES} benchmarks keeps the loop waiting {middle:.1f} ms at the median,"
    )
    print(f"{most:.1f} ms at most (to reach: 10 ms).")
    for entries in (100, WAITING):
        with tempfile.TemporaryDirectory() as folder:
            share = waiting(Path(folder) / "run", entries)
        print(f"While {entries} jobs wait for one slot, the courier takes {100 * share:.1f} % of a core.")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
