"""Exit codes of runs on two ranks under each launch: a run, one stopped by SIGINT, and the same one resumed.

`python bench/exits.py [--jobs N] [--launch ddp,zero3] [--warm] [--log FILE] [--until HH:MM]`: the launches take turns.
With `--warm`, processes are forked from one that has imported torch and TRL, a tenth of the cost; the driver ends as a
cold one does. `--log` adds a line for each run to a file, and the table then counts what earlier calls left there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from callsheet.testing.observing.runs import FSDP_ON_CPU

TESTS = Path(__file__).parents[1] / "tests"
LAUNCHES = ("ddp", "zero2", "zero3", "fsdp2")
RIGHT = {"whole": 0, "stopped": 130, "resumed": 0}
PATIENCE = 600.0
SMALL = (
    "recipe=demo", "plugins=[]", "output_dir=run", "launch.processes=2", "dataset.eval_path=null",
    "trainer.args.eval_strategy=no", "trainer.args.logging_steps=1", "trainer.args.save_steps=1000",
    "trainer.args.per_device_train_batch_size=2", "dataset.split=train[:64]",
)  # fmt: skip
# The driver is a fork in this case: what `python -m callsheet` does at its end, it has to be asked for.
WARM_DRIVER = "from callsheet.process import exit; from callsheet.cli.main import main; exit.leave(exit.code_of(main))"


class Job:
    """One run of a tiny model in a folder of its own."""

    def __init__(self, launch: str, folder: Path, *, warm: bool) -> None:
        self.launch, self.folder, self.warm = launch, folder, warm

    def whole(self) -> int:
        return self._start(2).wait(PATIENCE)

    def stopped(self) -> int:
        """A run that would last for ever, stopped by SIGINT after its first step."""
        process = self._start(100_000)
        metrics = self.folder / "run" / "metrics.jsonl"
        while process.poll() is None and not (metrics.exists() and metrics.stat().st_size):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        return process.wait(PATIENCE)

    def resumed(self) -> int:
        manifest = self.folder / "run" / "checkpoints.jsonl"
        rows = manifest.read_text().splitlines() if manifest.exists() else []
        return self._start((json.loads(rows[-1])["step"] if rows else 0) + 1).wait(PATIENCE)

    @property
    def said(self) -> str:
        return (self.folder / "log.txt").read_text()

    def _start(self, steps: int) -> subprocess.Popen[str]:
        words = ["train", *SMALL, f"launch={self.launch}", f"trainer.args.max_steps={steps}"]
        paths = [str(FSDP_ON_CPU)] if self.launch == "fsdp2" else []
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
        how: Any = {"cwd": self.folder, "env": environment, "stderr": subprocess.STDOUT, "text": True}
        with (self.folder / "log.txt").open("w") as log:
            if self.warm:
                from warm import Popen  # type: ignore[import-not-found]  # of the tests

                command = [sys.executable, "-c", WARM_DRIVER, *words]
                return Popen(command, stdout=log, workers=True, **how)  # type: ignore[no-any-return]
            return subprocess.Popen([sys.executable, "-m", "callsheet", *words], stdout=log, **how)


def runs(launch: str, *, warm: bool) -> Iterator[dict[str, Any]]:
    """A whole run, a stopped one, and that one resumed: how each ended, and of a wrong end what it said."""
    with tempfile.TemporaryDirectory(prefix="callsheet-exits-") as folder:
        job = Job(launch, Path(folder), warm=warm)
        for kind, right in RIGHT.items():
            code = getattr(job, kind)()
            row = {"launch": launch, "kind": kind, "code": code, "right": code == right, "warm": warm}
            yield row if code == right else {**row, "said": job.said[-2000:]}
            if kind == "whole":
                shutil.rmtree(job.folder / "run", ignore_errors=True)


def show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table("launch", *[f"{kind} (exit code {code})" for kind, code in RIGHT.items()], "wrong", "started")
    for launch in sorted({row["launch"] for row in rows}, key=LAUNCHES.index):
        for warm in sorted({row["warm"] for row in rows if row["launch"] == launch}):
            own = [row for row in rows if row["launch"] == launch and row["warm"] == warm]
            counts = Counter(row["kind"] for row in own)
            wrong = Counter(f"{row['kind']}: {row['code']}" for row in own if not row["right"])
            said = ", ".join(f"{number} × {what}" for what, number in wrong.items()) or "0"
            table.add_row(launch, *[str(counts[kind]) for kind in RIGHT], said, "warm" if warm else "cold")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5, help="Rounds of three runs of each launch.")
    parser.add_argument("--launch", default=",".join(LAUNCHES))
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--until", help="Begin nothing after this time of the day (UTC).")
    options = parser.parse_args()
    sys.path.insert(0, str(TESTS))
    rows = (
        [json.loads(line) for line in options.log.read_text().splitlines()]
        if options.log and options.log.exists()
        else []
    )
    for _ in range(options.jobs):
        for launch in options.launch.split(","):
            if options.until and datetime.now(UTC).strftime("%H:%M") >= options.until:
                break
            for row in runs(launch, warm=options.warm):
                rows.append(row)
                if options.log:
                    with options.log.open("a") as log:
                        log.write(json.dumps(row) + "\n")
    show(rows)


if __name__ == "__main__":
    main()
