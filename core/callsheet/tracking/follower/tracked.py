"""The run as its record describes it, for a tracker that begins it or goes on with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from callsheet.disk.names import file_name
from callsheet.rundir.rundir import RunDir
from callsheet.secrets import redact
from callsheet.tracking.cursor import FOLDER, Cursor
from callsheet.tracking.records import TrackedRun

LEFT_OUT = re.compile(r"hydra|plugins_lock")


def tracked_run(run_dir: Path, tracker: str, run_id: str, cursor: Cursor) -> TrackedRun:
    """Raises `CallsheetError` where run.json cannot be read, and `Outside` for a link in place of the folder."""
    folder = RunDir(run_dir, is_main=False)
    run = folder.run()
    arm: Mapping[str, Any] = run.get("arm") or {}
    place = folder.inside.make(f"{FOLDER}/{file_name(tracker)}")
    config = {name: value for name, value in run.get("config", {}).items() if not LEFT_OUT.fullmatch(name)}
    made = TrackedRun(
        run_dir=folder.path,
        name=str(run.get("run") or run_dir.name),
        experiment=str(run.get("experiment") or "callsheet"),
        run_id=cursor.run_id or run_id,
        folder=place,
        cwd=Path(str(run.get("cwd") or folder.path)),
        experiment_id=arm.get("experiment_id"),
        config=redact(config),
        started=str(run.get("started", "")),
        attempt=len(run.get("attempts", ())) or 1,
        is_new=not (cursor.sent or cursor.ids),
        ids=dict(cursor.ids),
        sent=cursor.sent,
    )
    return replace(made, group=arm.get("group"), arm=arm.get("method"), seed=arm.get("seed"), stage=arm.get("stage"))


def summary(run_dir: Path) -> dict[str, Any]:
    """How the run ended, as run.json says it: `outcome` and the best checkpoint."""
    run = RunDir(run_dir, is_main=False).run()
    return {**(run.get("outcome") or {}), **({"best": run["best"]} if run.get("best") else {})}
