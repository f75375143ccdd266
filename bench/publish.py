"""What publishing costs the training loop, beside open-r1's callback on the same server: `python bench/publish.py`.

Starts the tests' small Hub on the loopback, with 0, 50 ms and 1.5 s of latency for each request. open-r1's callback is
written out here as it calls huggingface_hub: create_repo, list_repo_commits, create_branch, then an upload in a thread.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
os.environ.update(HF_HUB_OFFLINE="0", HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1", HF_TOKEN="hf_bench")
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]

from hub_server import HubServer  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from callsheet import LogContext, LoopState, ManifestRow  # noqa: E402
from callsheet.outbox import Outbox  # noqa: E402
from callsheet.outbox.entries import Entry, to_json  # noqa: E402
from callsheet.outbox.store import EntryStore  # noqa: E402
from callsheet.session.session import Session  # noqa: E402
from callsheet_plugins.hub_revisions import HubRevisions  # noqa: E402

FILES = 12
WEIGHTS_MB = 12
SAVES = 12
PAUSE = 0.3  # seconds of training between two saves
ENTRIES = 1000


def checkpoint(folder: Path, step: int) -> ManifestRow:
    """Twelve files that are published, and some that are not; half of the weights change at each step."""
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    for shard in range(4):
        content = (1 + shard + 4 * step if shard < 2 else shard).to_bytes(4, "little") * (WEIGHTS_MB * 1_000_000 // 16)
        (path / f"model-{shard}.safetensors").write_bytes(content)
    for number in range(FILES - 4):
        (path / f"tokenizer_{number}.json").write_text("{}")
    (path / "optimizer.pt").write_bytes(b"0" * 1_000_000)
    return ManifestRow(path.name, step, 0.0, path)


def ours(folder: Path, url: str, saves: int) -> tuple[list[float], int]:
    """Seconds that each save blocks the loop, in a session as in a run, and the courier's peak memory in MiB."""
    os.environ["HF_ENDPOINT"] = url
    plugin = HubRevisions(hub="huggingface", repo="me/model")
    session = Session(LogContext(folder, "me/model", "run", {}), {"hub_revisions": plugin})
    taken, peaks = [], [0]
    with session:
        for step in range(1, saves + 1):
            row = checkpoint(folder, step)
            start = time.perf_counter()
            session.lineup.hooks.on_checkpoint(state=session.state, row=row)
            taken.append(time.perf_counter() - start)
            peaks.append(_peak(folder))
            time.sleep(PAUSE)
        while EntryStore(folder).left():
            peaks.append(_peak(folder))
            time.sleep(0.2)
    return taken, max(peaks)


def theirs(folder: Path, url: str, saves: int) -> list[float]:
    """What the loop waits for in open-r1's `push_to_hub_revision`, once per save."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=url)
    taken, uploads = [], []
    for step in range(1, saves + 1):
        row = checkpoint(folder, step)
        start = time.perf_counter()
        api.create_repo("me/model", private=True, exist_ok=True)
        first = api.list_repo_commits("me/model")[-1]
        api.create_branch("me/model", branch=f"main-step-{step:09d}", revision=first.commit_id, exist_ok=True)
        branch = f"main-step-{step:09d}"
        uploads.append(api.upload_folder(
            repo_id="me/model", folder_path=row.path, revision=branch, commit_message="step",
            ignore_patterns=["checkpoint-*", "*.pth", "*.pt"], run_as_future=True,
        ))  # fmt: skip
        taken.append(time.perf_counter() - start)
    for upload in uploads:
        upload.result()
    return taken


def _peak(run_dir: Path) -> int:
    """The most memory that the courier has held so far, in MiB."""
    try:
        pid = json.loads((run_dir / "outbox" / "courier.lock").read_text())["pid"]
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (OSError, ValueError):
        return 0
    return max((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), default=0) // 1024


def listing(folder: Path) -> float:
    """Seconds for `callsheet outbox RUN` with a thousand entries."""
    store = EntryStore(folder)
    store.make()
    for number in range(ENTRIES):
        entry = Entry(f"bench-{number}-0123456789ab", "bench", str(number), {}, time.time())
        store.path("pending", entry.id).write_text(to_json(entry))
    command = [sys.executable, "-m", "callsheet", "outbox", str(folder)]
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - start)
    return min(taken)


def draining(folder: Path, count: int) -> float:
    """Seconds in which a courier publishes so many tiny revisions to a folder."""
    ctx = LogContext(folder, "model", "run", {}, outbox=Outbox(folder))
    state = LoopState(ctx, lambda *a: None, lambda *a: None)
    row = ManifestRow("checkpoint-1", 1, 0.0, folder / "checkpoint-1")
    row.path.mkdir(parents=True)
    (row.path / "config.json").write_text("{}")
    for number in range(count):
        HubRevisions(revision=f"r{number}").on_checkpoint(state, row)
    start = time.perf_counter()
    command = [sys.executable, "-m", "callsheet.outbox.courier", str(folder)]
    subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    assert len(EntryStore(folder).ids("done")) == count
    return time.perf_counter() - start


def main() -> None:
    table = Table(
        "the loop is blocked per save", "Callsheet, median", "slowest", "open-r1, median", "open-r1 / Callsheet"
    )
    peaks, notes = [], []
    for latency, saves in ((0.0, SAVES), (0.05, SAVES), (1.5, 3)):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            with HubServer(latency=latency) as hub:
                mine, peak = ours(Path(one) / "run", hub.url, saves)
                twice = sum(count - 1 for count in hub.uploaded.values())
                done = len(hub.store.repos["me/model"].branches) - 1
                notes.append(f"{latency * 1e3:.0f} ms: {done} of {saves} revisions, {twice} uploads of known content")
            with HubServer(latency=latency) as hub:
                other_way = theirs(Path(other), hub.url, saves)
        peaks.append(peak)
        ratio = statistics.median(other_way) / statistics.median(mine)
        table.add_row(
            f"{latency * 1e3:.0f} ms a request",
            f"{statistics.median(mine) * 1e3:.1f} ms", f"{max(mine) * 1e3:.1f} ms",
            f"{statistics.median(other_way) * 1e3:.0f} ms", f"{ratio:.0f}",
        )  # fmt: skip
    Console().print(table)
    print("\n".join(notes))
    print(f"Courier: {max(peaks)} MiB at most. {FILES} files, {WEIGHTS_MB} MB of weights a checkpoint.")
    with tempfile.TemporaryDirectory() as folder:
        print(f"`callsheet outbox RUN` with {ENTRIES} entries: {listing(Path(folder)):.2f} s.")
    seconds = {}
    for count in (100, ENTRIES):
        with tempfile.TemporaryDirectory() as folder:
            seconds[count] = draining(Path(folder) / "run", count)
    print("Draining to a folder: " + ", ".join(f"{n} entries in {s:.1f} s" for n, s in seconds.items()) + ".")


if __name__ == "__main__":
    main()
