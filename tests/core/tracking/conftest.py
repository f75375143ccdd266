"""A tracker in a package of its own: it writes lines into one file, and does what files in `knobs` tell it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import packages
import pytest

MODULE = '''
"""A tracker that writes lines."""

import atexit, json, os, signal, time
from pathlib import Path

from callsheet import setting
from callsheet.tracking import Names, Sink, Tracker


class Scribe(Tracker):
    """Writes lines."""

    names = Names(r"[^A-Za-z0-9_./ -]", 60)
    to: str = setting(help="The file.")

    def open(self, run):
        knobs = Path(self.to).parent / "knobs"
        if (knobs / "linger").exists():
            atexit.register(time.sleep, 1)
        if (knobs / "refuse").exists():
            atexit.register(time.sleep, 1.0)  # as large packages take to leave
            raise ConnectionError("nobody is there")
        while (knobs / "stall").exists():
            time.sleep(0.05)
        return Lines(run, Path(self.to), knobs)


class Lines(Sink):
    """Safe once it is flushed; may tell what it has."""

    def __init__(self, run, path, knobs):
        self.run, self.path, self.knobs, self.taken = run, path, knobs, []
        self.known = None
        self.write({"open": run.run_id, "is_new": run.is_new, "pid": os.getpid()})

    def point(self, point):
        self.taken.append({"axis": point.axis, "step": point.step, "values": {k: repr(v) for k, v in point.values.items()}, **({"texts": dict(point.texts)} if point.texts else {})})

    def rows(self, rows):
        self.taken.append({"table": rows.name, "step": rows.step, "columns": list(rows.columns), "rows": [list(row) for row in rows.rows]})

    def checkpoint(self, row):
        self.taken.append({"checkpoint": row["name"]})

    def revision(self, revision):
        self.taken.append({"revision": revision["commit"]})

    def flush(self):
        if (self.knobs / "full").exists():
            raise OSError("there is no room")
        for number, line in enumerate(self.taken):
            if (self.knobs / "die").exists() and number == len(self.taken) // 2:
                (self.knobs / "die").unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            self.write(line)
        self.taken = []

    def lacks(self, item):
        if (self.knobs / "blind").exists():
            return True
        if self.known is None:
            self.known = {(line.get("axis"), line.get("table"), line["step"], *line.get("values", ())) for line in map(json.loads, self.path.read_text().splitlines()) if "step" in line}
        axis, table = getattr(item, "axis", None), getattr(item, "name", None)
        return (axis, table, item.step, *getattr(item, "values", ())) not in self.known

    def end(self, status, summary):
        if (self.knobs / "hold").exists():
            raise OSError("it cannot be closed")
        self.write({"end": status, "step": summary.get("step")})

    def ids(self):
        return {"run_id": self.run.run_id, "url": f"https://scribe.example/{self.run.run_id}"}

    def write(self, line):
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\\n")
'''
ENTRY_POINTS = """
[callsheet.plugins]
scribe = scribing:Scribe
"""
# A run without a trainer: it writes what a run writes, and waits for its outbox.
RUN = """
import json, os, sys, time
from pathlib import Path
from callsheet import EvalResult, LogContext
from callsheet.outbox.settings import OutboxSettings
from callsheet.rundir.rundir import METRICS, now
from callsheet.session.session import Session
from scribing import Scribe

run_dir, first, last, pause = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
settings = {"to": str(run_dir.parent / "lines.jsonl"), "deadline_seconds": float(os.environ.get("DEADLINE", "60"))}
config = {"plugins": {"scribe": settings}, "outbox": {"first_delay_seconds": 0.05}}
with Session(LogContext(run_dir, "test", run_dir.name, config), {"scribe": Scribe(**settings)},
             outbox=OutboxSettings(**config["outbox"])) as session:
    session.state.announce = session._announce
    for step in range(first, last + 1):
        session.state.step = step
        session.run_dir.append(METRICS, {"step": step, "split": "train", "epoch": step / 10, "loss": 1 / step, "time": now()})
        if step % 5 == 0:
            session.state.report_eval(EvalResult("sums", {"exact_match": step / 100}), [{"prompt": "1+1=", "answer": "2"}])
        print(step, flush=True)
        time.sleep(pause)
"""


@pytest.fixture
def scribing(tmp_path, monkeypatch):
    """Install the package, here and for every process started from here; the folder of its knobs."""
    knobs = tmp_path / "knobs"
    knobs.mkdir()
    with packages.installed(tmp_path / "site", "scribing", MODULE, ENTRY_POINTS, monkeypatch):
        yield knobs


@pytest.fixture
def run(tmp_path, scribing):
    """Start the run without a trainer, from one step to another."""

    def start(first=1, last=10, pause=0.0, **environment):
        command = [sys.executable, "-c", RUN, str(tmp_path / "run"), str(first), str(last), str(pause)]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            process_group=0,
            env={**os.environ, **environment},
        )

    return start


def lines(tmp_path: Path, *having: str) -> list[dict]:
    """What the scribe wrote, of those lines that have one of these."""
    path = tmp_path / "lines.jsonl"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in found if not having or {*having} & {*line}]


def steps(tmp_path: Path, axis: str = "train") -> list[int]:
    return [line["step"] for line in lines(tmp_path, "axis") if line["axis"] == axis]
