"""A plugin package of its own, installed by a dist-info folder: what it ships goes to a folder, once per key."""

import json
import subprocess
import sys
from contextlib import ExitStack
from itertools import count

import packages
import pytest
from mounting import mounted as mounted_at

MODULE = '''
import json, os, time
from pathlib import Path
from callsheet import Plugin, hookimpl, setting
from callsheet.outbox import Handler, Parked, Permanent, Transient


class Shelf(Handler):
    """Copies the files of an entry to the folder in its payload, under its key; fails as often as it is told to."""

    parallel = 4

    def deliver(self, job):
        target = Path(job.payload["to"]) / job.entry.key
        if job.payload.get("by_hand") and not Path(job.payload["by_hand"]).exists():
            raise Parked(f"Carry it yourself, then leave {job.payload['by_hand']}.")
        if job.payload.get("refuse"):
            raise Permanent(f"{target} belongs to somebody else.", "Choose another folder.")
        if job.entry.attempts < job.payload.get("fail", 0):
            raise Transient("503 Service Unavailable", retry_after=job.payload.get("retry_after"))
        if "raise" in job.payload:
            raise RuntimeError(os.path.expandvars(job.payload["raise"]))
        if not target.exists():
            time.sleep(job.payload.get("seconds", 0))
            while not Path(job.payload.get("until", "/")).exists():
                time.sleep(0.01)
            part = target.with_name(f"{target.name}.{os.getpid()}.part")
            part.mkdir(parents=True, exist_ok=True)
            for name, path in job.files.items():
                (part / name).write_bytes(path.read_bytes())
            try:
                part.rename(target)
            except OSError:
                pass
        step = job.payload.get("step", 0)
        revision = {"repo": "shelf", "branch": target.name, "commit": target.name, "step": step, "checkpoint": target.name}
        return {"revision": revision}


class Shipper(Plugin):
    """Ships every checkpoint to the folder `to`, and writes down what it hears."""

    to: str = ""
    payload: str = "{}"
    full: bool = setting(False, help="Write with a limit on the size of files, as on a full disk.")

    @hookimpl(trylast=True)
    def on_checkpoint(self, state, row):
        if not self.to:
            return
        import resource, signal
        files = {path.name: path for path in row.path.iterdir() if path.is_file()}
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        if self.full:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            state.outbox.put("shelf", {"to": self.to, "step": row.step, **json.loads(self.payload)},
                             files=files, key=row.name)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    @hookimpl
    def on_revision(self, ctx, revision):
        with (ctx.run_dir / "heard.jsonl").open("a") as file:
            file.write(json.dumps({"branch": revision.branch, "pid": os.getpid()}) + "\\n")
'''
ENTRY_POINTS = """
[callsheet.plugins]
shipper = shipping:Shipper

[callsheet.outbox]
shelf = shipping:Shelf
"""
# A run without a trainer: what Session does around the loop, and what the bridge does between two steps.
RUN = """
import sys, time
from pathlib import Path
from callsheet import LogContext
from callsheet.outbox.settings import OutboxSettings
from callsheet.session.session import Session
from shipping import Shipper

run_dir, entries, pause = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
config = {"plugins": {"shipper": {}}, "outbox": {"first_delay_seconds": 0.05, "deadline_seconds": 60}}
with Session(LogContext(run_dir, "test", run_dir.name, config), {"shipper": Shipper()},
             outbox=OutboxSettings(**config["outbox"])) as session:
    for step in range(1, entries + 1):
        checkpoint = run_dir / f"checkpoint-{step}"
        checkpoint.mkdir(exist_ok=True)
        (checkpoint / "model.safetensors").write_bytes(str(step).encode() * 1000)
        (checkpoint / "config.json").write_text("{}")
        session.state.step = step
        files = {name: checkpoint / name for name in ("model.safetensors", "config.json")}
        payload = {"to": str(run_dir.parent / "shelf"), "step": step, "seconds": 0.02}
        session.state.outbox.put("shelf", payload, files=files, key=f"step-{step}")
        print(step, flush=True)
        if step > 1:  # save_total_limit=1
            for old in (run_dir / f"checkpoint-{step - 1}").iterdir():
                old.unlink()
        session.supervisor._looked = 0.0
        session.supervisor.look()
        time.sleep(pause)
"""


@pytest.fixture
def shipping(tmp_path, monkeypatch):
    """Install the package, here and for every process started from here."""
    with packages.installed(tmp_path / "site", "shipping", MODULE, ENTRY_POINTS, monkeypatch) as site:
        yield site


@pytest.fixture
def run(tmp_path, shipping):
    """Start the run without a trainer."""

    def start(entries=6, pause=0.05):
        command = [sys.executable, "-c", RUN, str(tmp_path / "run"), str(entries), str(pause)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, process_group=0
        )

    return start


@pytest.fixture
def courier(shipping):
    """Start a courier of its own, with no run behind it."""
    started = []

    def start(run_dir, *options, linger="600"):
        command = [sys.executable, "-m", "callsheet.outbox.courier", str(run_dir), "--linger", linger]
        process = subprocess.Popen(
            [*command, "--first-delay", "0.02", "--longest-delay", "0.2", *options],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def mounted(tmp_path):
    """Mount a file system of its own in a folder, as `mount` sizes it: "64k"."""
    with ExitStack() as stack:
        numbers = count()
        yield lambda size: stack.enter_context(mounted_at(tmp_path / f"mounted-{next(numbers)}", f"size={size}"))


def fill(run_dir, count=1, **payload):
    """Put so many entries with one file each; their ids."""
    from callsheet.outbox import Outbox

    outbox, source = Outbox(run_dir), run_dir / "model.safetensors"
    run_dir.mkdir(exist_ok=True)
    source.write_bytes(b"weights")
    content = {"to": str(run_dir.parent / "shelf"), **payload}
    return [outbox.put("shelf", content, files={source.name: source}, key=f"e{number}") for number in range(count)]


def delivered(tmp_path):
    """What lies on the shelf, but for what a kill left half-written."""
    return sorted(path.name for path in (tmp_path / "shelf").iterdir() if path.suffix != ".part")


def states(run_dir):
    """Ids by state; parked ones are rare."""
    from callsheet.outbox.store import PARKED, STATES, EntryStore

    found = {state: sorted(EntryStore(run_dir).ids(state)) for state in STATES}
    return {state: ids for state, ids in found.items() if ids or state != PARKED}


def heard(run_dir):
    path = run_dir / "heard.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
