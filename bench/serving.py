"""What the live page costs while 20 runs write: `python bench/serving.py`.

A browser asks every two seconds, as the page does; each run logs twice a second. The processor time of the server is
compared with the time that passes once the page was shown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "plugins" / "report")]

from made import make_run  # noqa: E402

RUNS, STEPS, SECONDS, EVERY = 20, 2000, float(os.environ.get("SECONDS", "60")), 2.0
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    with tempfile.TemporaryDirectory() as top:
        runs = [
            make_run(Path(top) / f"run-{number:02}", steps=STEPS, seed=number, status="running")
            for number in range(RUNS)
        ]
        done = threading.Event()
        threading.Thread(target=write, args=(runs, done), daemon=True).start()
        command = [str(Path(sys.executable).with_name("callsheet")), "report", top, "--serve"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                address = server.stdout.readline().strip()
                watch(server.pid, address)
            finally:
                server.kill()
                done.set()
    return 0


def write(runs: list[Path], done: threading.Event) -> None:
    """What 20 trainers do: two rows a second each."""
    step = STEPS
    while not done.wait(0.5):
        step += 1
        for run in runs:
            with (run / "metrics.jsonl").open("a") as file:
                file.write(json.dumps({"step": step, "split": "train", "epoch": step / 100, "loss": 1 / step}) + "\n")


def watch(pid: int, address: str) -> None:
    """A reader's browser: the page, and then what has changed."""
    urllib.request.urlopen(address).read()
    began, before, has, updates = time.monotonic(), used(pid), "", 0
    while time.monotonic() - began < SECONDS:
        time.sleep(EVERY)
        found = json.load(urllib.request.urlopen(f"{address}changes?has={has}"))
        known = dict(part.split(".") for part in has.split(",") if part)
        known |= {part["id"]: part["hash"] for part in found["parts"]}
        has = ",".join(f"{id}.{hash}" for id, hash in known.items())
        updates += bool(found["parts"])
    took, passed = used(pid) - before, time.monotonic() - began
    print(f"{RUNS} runs that write: {100 * took / passed:.1f} % of a core over {passed:.0f} s, {updates} updates")
    before, began = used(pid), time.monotonic()
    time.sleep(10)
    idle = used(pid) - before
    print(f"while nobody looks: {100 * idle / (time.monotonic() - began):.2f} %")


def used(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    sys.exit(main())
