"""What `callsheet runs`, `compare` and `status` cost beside a Python that imports click: `python bench/commands.py`.

The runs are those of `bench/report.py`. It shows the seconds of the processor and those that passed, the least of three
times: other work on the machine makes the second number larger.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report

HUNDRED = report.MADE / "hundred"
TURNS = 3
START = [sys.executable, "-c", "import click"]


def main() -> int:
    exp = report.made()
    runs = sorted(path for path in exp.iterdir() if (path / "run.json").exists())
    if not HUNDRED.exists():
        place = Path(tempfile.mkdtemp(dir=report.MADE))
        for run in runs[:100]:
            shutil.copytree(run, place / run.name)
        place.rename(HUNDRED)
    start = least(START)
    print(f"Python and click: {start[0]:.2f} s of the processor, {start[1]:.2f} s")
    hundred = sorted(map(str, HUNDRED.iterdir()))
    for name, words in {
        "runs, of 100": ["runs", str(HUNDRED)],
        "runs, of 100, sorted and filtered": ["runs", str(HUNDRED), "--sort", "-best", "--where", "eval_loss<5"],
        "runs --json, of 100": ["runs", str(HUNDRED), "--json"],
        "compare, of two": ["compare", *hundred[:2]],
        "compare, of 100": ["compare", *hundred],
        "status, of one": ["status", hundred[0]],
        "status, of 100": ["status", *hundred],
        "runs, of 1,000": ["runs", str(exp)],
    }.items():
        shown(name, least([sys.executable, "-m", "callsheet", *words]), start[0])
    return 0


def least(command: list[str]) -> tuple[float, float]:
    """The least seconds of the processor, and the least that passed."""
    found = [measured(command) for _ in range(TURNS)]
    return min(cpu for cpu, _ in found), min(wall for _, wall in found)


def measured(command: list[str]) -> tuple[float, float]:
    began, before = time.monotonic(), os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, time.monotonic() - began


def shown(name: str, seconds: tuple[float, float], start: float) -> None:
    print(f"callsheet {name}: {seconds[0]:.2f} s of the processor ({seconds[0] / start:.1f} ×), {seconds[1]:.2f} s")


if __name__ == "__main__":
    sys.exit(main())
