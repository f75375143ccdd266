"""The run that is damaged: small and real, with checkpoints, averages, scores, and an entry in each state of the outbox."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import warm
from waiting import PATIENCE

from callsheet.outbox import snapshots
from callsheet.outbox.entries import Entry, to_json
from callsheet.outbox.store import ACTIVE, ANNOUNCED, DONE, FAILED, PARKED, PENDING, EntryStore

STEPS = 6
TRAIN = [
    "recipe=demo",
    "model.path=tiny",
    "dataset.path=train.jsonl",
    "dataset.eval_path=test.jsonl",
    f"trainer.args.max_steps={STEPS}",
    "trainer.args.save_steps=3",
    "trainer.args.eval_steps=6",
    "trainer.args.logging_steps=1",
    "trainer.args.save_total_limit=null",
    "trainer.args.per_device_train_batch_size=4",
    "plugins.bema.update_after=1",
    "plugins.bema.update_freq=1",
    "+plugins.exact_match.limit=5",
    "plugins.benchmarks.define={test: {engine: command, command: [cp, scores.json, '{results}']}}",
    "plugins.benchmarks.attempts=1",
    "outbox.first_delay_seconds=0.01",
    "outbox.longest_delay_seconds=0.05",
    "outbox.linger_seconds=1",
]
SCORES = {"metrics": {"accuracy": 0.5}, "breakdowns": {"part": {"accuracy": 0.4}}, "predictions": [{"answer": "x"}]}


def make(folder: Path) -> Path:
    """Train in `folder`, and return the run directory; its process was killed, as it seems, with work left to do."""
    material(folder)
    command = [sys.executable, "-m", "callsheet", "train", *TRAIN, f"output_dir={folder / 'run'}"]
    done = warm.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, env=environment(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    _leave_work(folder / "run")
    _seem_killed(folder / "run" / "run.json")
    return folder / "run"


def material(folder: Path) -> None:
    """What a run reads that lies outside of its directory, and small: the data that it trains on, and its scores."""

    bundled = Path(str(files("callsheet_conf"))) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(Path(__file__).parents[1] / "fixtures" / "run-0.1.0.tar.xz") as archive:
        archive.extractall(folder, [each for each in archive if each.name.split("/")[0] == "tiny"], filter="data")
    for name in ("train", "test"):
        lines = (bundled / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()[:32]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "scores.json").write_text(json.dumps(SCORES), encoding="utf-8")


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(folder), "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}


def _leave_work(run: Path) -> None:
    """Of what was carried out, take back an entry for each state, as it was before; one is put, and not yet posted."""
    store = EntryStore(run)
    kinds = {"publish": [], "score": []}
    for id in sorted(store.ids(DONE)):
        entry = store.read(DONE, id)
        kinds["publish" if entry.kind == "hub_revisions" else "score"].append(entry)
    publish, score = kinds["publish"], [entry for entry in kinds["score"] if "name" in entry.payload]
    _untold(run, publish[0].id)
    states = (PENDING, FAILED, PARKED, PENDING, ACTIVE)  # scores first: what they score is published
    for entry, state in zip([*score[1:4], *publish[1:3]], states, strict=True):
        back = _put_back(run, store, entry, state)
    draft = replace(back, id=f"{back.id[:-12]}{0:012}", key="draft")
    snapshots.take(run, draft.id, {name: snapshots.folder_of(run, back.id) / name for name in back.files})
    store.draft(draft)


def _put_back(run: Path, store: EntryStore, entry: Entry, state: str) -> Entry:
    """Give it the files again that it needs, and take away what it brought."""
    published = run / "hub" / entry.payload["branch"]
    sizes = snapshots.take(run, entry.id, {name: published / name for name in entry.files})
    if entry.kind == "hub_revisions":
        shutil.rmtree(published)
    shutil.rmtree(run / "benchmarks" / entry.id, ignore_errors=True)
    said = {FAILED: "It did not work.", PARKED: "Start it yourself."}.get(state)
    ended = entry.finished_at if state == FAILED else None
    again = {"files": sizes, "attempts": int(state == FAILED), "finished_at": ended, "error": said, "result": None}
    back = replace(entry, **again)
    store.path(DONE, entry.id).unlink()
    store.path(state, entry.id).write_text(to_json(back), encoding="utf-8")
    _untold(run, entry.id)
    return back


def _untold(run: Path, id: str) -> None:
    lines = (run / ANNOUNCED).read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if json.loads(line)["id"] != id]
    (run / ANNOUNCED).write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _seem_killed(path: Path) -> None:
    run = json.loads(path.read_text(encoding="utf-8"))
    run["status"] = "running"
    del run["outcome"], run["outbox"]
    path.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
