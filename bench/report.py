"""What a report of 1,000 runs and 1,000,000 rows costs beside `json.loads` of the same files: `python bench/report.py`.

The runs are made once, in the folder for temporary files, which takes half a minute. All of it is processor time, in
turns: other work on the machine disturbs that least. Of the page, the seconds that passed are shown, too.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "plugins" / "report")]

from made import make_experiment  # noqa: E402

ARMS, SEEDS, STEPS, ROUNDS = 200, 5, 1000, 3
METRICS = ("entropy", "mean_token_accuracy", "num_tokens")  # what SFT logs besides
MADE = Path(tempfile.gettempdir()) / f"callsheet-bench-report-{os.getuid()}-{ARMS}-{SEEDS}-{STEPS}"


def main() -> int:
    exp = made()
    logs = sorted(exp.glob("*/metrics.jsonl"))
    size = sum(log.stat().st_size for log in logs) / 1e6
    print(f"{len(logs):,} runs, {size:.0f} MB of metrics")
    loads = best(lambda: [json.loads(line) for log in logs for line in log.open("rb")])
    print(f"json.loads of every row: {loads:.2f} s")
    shown("their curves", best(lambda: curves(exp)), loads)
    shown("all that a report reads of them", best(lambda: everything(exp)), loads)
    page(exp, loads)
    return 0


def made() -> Path:
    """The experiment, made where it is not there."""
    exp = MADE / "exp"
    if not (exp / "experiment.json").exists():
        print(f"making {ARMS * SEEDS:,} runs in {MADE} …")
        arms = [f"arm{number:03}" for number in range(ARMS)]
        sizes = {"steps": STEPS, "eval_every": 100, "checkpoint_every": 250, "prompts": 50}
        make_experiment(exp, arms=arms, seeds=SEEDS, more_metrics=METRICS, **sizes)
    return exp


def curves(exp: Path) -> None:
    from callsheet_plugins.report.gathered import gather

    assert sum(len(run.metrics) for run in gather([exp]).runs) >= ARMS * SEEDS


def everything(exp: Path) -> None:
    from callsheet_plugins.report.gathered import gather

    assert all(run.faults == [] and run.record and run.state for run in gather([exp]).runs)


def page(exp: Path, loads: float) -> None:
    """The command itself, with its start."""
    command = [str(Path(sys.executable).with_name("callsheet")), "report", str(exp)]
    file = MADE / "report.html"
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, "--out", str(file)], check=True, capture_output=True)
    passed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    shown(f"callsheet report ({passed:.1f} s passed, {file.stat().st_size / 1e6:.2f} MB)", used, loads)
    drawn(file)


def drawn(file: Path) -> None:
    """How long a browser takes from the file to the first chart, on a desktop and on a phone: seconds that passed."""
    from browser import PHONE, opened, started

    if not shutil.which("chromium"):
        print("There is no chromium, which would say when the first chart is there.")
        return
    for browser in started():
        for name, width in (("desktop", 1440), ("phone", PHONE["width"])):
            took = min(first_chart(opened(browser, file, width=width)) for _ in range(ROUNDS))
            print(f"first chart on a {name}: {took:.2f} s")


def first_chart(opening: AbstractContextManager[Any]) -> float:
    with opening as page:
        mark = "performance.getEntriesByName('first-chart').map((mark) => mark.startTime)[0]"
        while not (milliseconds := page.evaluate(mark)):
            page.wait_for_timeout(50)
        return float(milliseconds) / 1000


def best(call: Callable[[], object]) -> float:
    """The least processor time of some calls: whatever disturbs only adds to it."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return min(taken)


def shown(what: str, seconds: float, loads: float) -> None:
    print(f"{what}: {seconds / loads:.2f} × json.loads ({seconds:.2f} s)")


if __name__ == "__main__":
    sys.exit(main())
