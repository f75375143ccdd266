"""Shows the run at Weights & Biases, or writes it into a file that `wandb sync` sends."""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from callsheet import setting
from callsheet.tracking import Names, Tracker

if TYPE_CHECKING:
    from callsheet import LogContext
    from callsheet.tracking import Sink, TrackedRun

OFFLINE = ("offline", "dryrun", "disabled")
HOST = "https://api.wandb.ai"


class Wandb(Tracker):
    """Show metrics, scores, completions and predictions at Weights & Biases, in a run that resumes go on with.

    The run's group is its experiment, its job type the arm, so that arms and seeds fold on the page. Metrics stand over
    `train/global_step`, as those of transformers; scores over a step of their own, so that a late one finds its place.
    Tables grow without being sent again. Nothing but this is logged: no console, no code, no statistics of the machine.

    Without a network, `mode=offline` writes `trackers/wandb/wandb/offline-run-…` into the run directory; send it with
    `wandb sync`. Credentials come from `wandb login` or from WANDB_API_KEY.
    """

    modules = ("wandb",)
    extra = "wandb"
    names = Names(r"[^\w./ @+=,()%-]", 128)
    reports_to = "wandb"

    project: str | None = setting(None, help="By default WANDB_PROJECT, else callsheet.")
    entity: str | None = setting(None, help="A user or a team; by default WANDB_ENTITY, else that of your login.")
    name: str | None = setting(None, help="By default the name of the run.")
    group: str | None = setting(None, help="By default the name of the experiment.")
    tags: list[str] = setting([], help="Tags of the run.")
    mode: str | None = setting(
        None, choices=("online", "offline"), help="By default WANDB_MODE, else online; offline needs no network."
    )
    page: bool = setting(True, help="Make a page of charts for the project, if it has none of Callsheet's.")
    stats: bool = setting(False, help="Also log the use of CPU, GPU and memory, of the machine that the courier is on.")

    def problems(self, ctx: LogContext) -> Iterable[str]:
        for name in ("project", "entity", "name", "group"):
            if (value := getattr(self, name)) is not None and (wrong := _wrong_with(name, value)):
                yield f"plugins.wandb.{name}={value[:60]!r} {wrong}."
        for tag in [tag for tag in self.tags if not 0 < len(tag) <= 64][:1]:
            yield f"plugins.wandb.tags holds {tag[:70]!r}; a tag has 1 to 64 characters."
        if not self.is_offline and not _has_credentials():
            yield (
                f"wandb has no credentials for {_host()}: call `wandb login`, set WANDB_API_KEY, or choose "
                "plugins.wandb.mode=offline."
            )

    @property
    def is_offline(self) -> bool:
        return (self.mode or os.environ.get("WANDB_MODE", "online")) in OFFLINE

    def open(self, run: TrackedRun) -> Sink:
        _settle(run.folder)
        from callsheet_plugins.trackers.wandb.sink import WandbRun

        return WandbRun(run, self)


def _settle(folder: Path) -> None:
    """Set what wandb reads when it is imported; what it stages for tables lies in the run directory, too."""
    folders = {"WANDB_CACHE_DIR": str(folder / "cache"), "WANDB_DATA_DIR": str(folder / "staged")}
    for name, value in {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true", **folders}.items():
        os.environ.setdefault(name, value)


def _wrong_with(name: str, value: str) -> str:
    if not value.strip():
        return "is empty; leave it out for its default"
    if len(value) > 128:
        return "is longer than 128 characters"
    if name in ("project", "entity") and (odd := sorted({*value} & {*'/\\#?%:"'})):
        return f"holds {odd[0]!r}, which wandb takes in no name of a project or an entity"
    return ""


def _host() -> str:
    return os.environ.get("WANDB_BASE_URL", HOST)


def _has_credentials() -> bool:
    """Where wandb looks for them; nothing of them is read but whether they are there."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(_host()).hostname or ""
    named = os.environ.get("NETRC")
    for path in [Path(named)] if named else [Path.home() / ".netrc"]:
        try:
            if netrc.netrc(str(path)).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False
