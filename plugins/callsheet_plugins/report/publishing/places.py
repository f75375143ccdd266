"""Where the page of a run goes: beside its newest revision, by what the run itself has written down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from callsheet.disk.regular import shown
from callsheet.errors import CallsheetError
from callsheet.rundir.rundir import CHECKPOINTS, RunDir

PUBLISHER = "hub_revisions"
RAW = "raw"


@dataclass(frozen=True)
class Place:
    """A branch, and how it is reached; `folder` is that of `hub=folder`, from the run directory on or absolute."""

    hub: str
    repo: str
    branch: str
    folder: str
    step: int
    private: bool = True
    timeout_seconds: float = 60.0
    commits_per_hour: int = 120

    @property
    def payload(self) -> dict[str, Any]:
        """What the courier needs; other uploads go first when commits run short."""
        commits = max(self.commits_per_hour * 3 // 4, 1)
        return {**asdict(self), "commits_per_hour": commits, "weights": RAW, "coalesce": False, "final": False}


def place_of(run: Path) -> Place:
    """Beside the newest revision of the run at `run`; raises `CallsheetError` where it publishes nowhere."""
    folder = RunDir(run, is_main=False)
    settings = _settings(folder)
    if settings is None:
        raise CallsheetError(
            f"{shown(run)} publishes nothing, so that its page has no place beside a revision: it was trained without "
            f"the plugin {PUBLISHER}."
        )
    newest = _newest(folder)
    if newest is None and (settings.get("hub") != "huggingface" or not settings.get("repo")):
        raise CallsheetError(f"{shown(run)} has published no revision yet. Then: callsheet outbox drain {shown(run)}")
    return Place(
        hub=str(settings.get("hub") or "folder"),
        repo=str((newest or settings)["repo"]),
        branch=str(newest["branch"] if newest else settings.get("revision") or "main"),
        folder=os.path.expanduser(str(settings.get("folder") or "hub")),
        step=int(newest["step"]) if newest else 0,
        **{name: settings[name] for name in ("private", "timeout_seconds", "commits_per_hour") if name in settings},
    )


def _settings(folder: RunDir) -> Mapping[str, Any] | None:
    """Those of the plugin that publishes; the configuration of a script lists none, its `run.json` does."""
    found: Any = (folder.config().get("plugins") or {}).get(PUBLISHER)
    if found is None:
        rows = folder.run().get("plugins") or ()
        found = next((row.get("settings") for row in rows if row.get("name") == PUBLISHER), None)
    return found if isinstance(found, Mapping) else None


def _newest(folder: RunDir) -> Mapping[str, Any] | None:
    """The last revision: of the final model where there is one, and of the weights that train before others."""
    found = [row["revision"] for row in folder.rows(CHECKPOINTS) if isinstance(row.get("revision"), Mapping)]
    known = [one for one in found if isinstance(one.get("step"), int) and one.get("repo") and one.get("branch")]
    return max(known, key=lambda one: (one["step"], one.get("weights") == RAW, not one.get("checkpoint")), default=None)
