"""Settings of `comet`, and what is checked before a run begins."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from callsheet import setting
from callsheet.tracking import Names, Sink, TrackedRun, Tracker

if TYPE_CHECKING:
    from callsheet.records import LogContext

KEY = "COMET_API_KEY"
SETTINGS_FILES = ("./.comet.config", "~/.comet.config")


class Comet(Tracker):
    """Log the run to Comet: metrics, scores, completions and predictions; a resumed run goes on in its experiment.

    `online=false` needs no network and no account: it writes archives into `trackers/` of the run directory, which
    `comet upload` sends. Nothing is logged by itself: no code, no output, nothing about the machine.
    """

    modules: ClassVar[tuple[str, ...]] = ("comet_ml",)
    extra: ClassVar[str] = "comet"
    reports_to: ClassVar[str] = "comet_ml"
    names: ClassVar[Names] = Names(longest=100)

    project_name: str | None = setting(None, help="By default COMET_PROJECT_NAME, or what Comet's own settings say.")
    workspace: str | None = setting(None, help="By default COMET_WORKSPACE, or your default one.")
    name: str | None = setting(None, help="What the experiment is called; by default the name of the run.")
    tags: list[str] = setting([], help="Tags, besides the group, the arm and the seed of the run.")
    online: bool = setting(True, help="Whether to send at once; otherwise archives are written.")

    def problems(self, ctx: LogContext) -> Iterator[str]:
        if self.online and not has_key():
            yield f"plugins.comet needs credentials: set {KEY}, type `comet login`, or set plugins.comet.online=false."

    def open(self, run: TrackedRun) -> Sink:
        from callsheet_plugins.trackers.comet.sink import CometSink

        return CometSink(self, run)


def has_key() -> bool:
    """Whether this machine has credentials for Comet, where comet_ml looks for them."""
    return bool(os.environ.get(KEY)) or any(_in_file(Path(name).expanduser()) for name in SETTINGS_FILES)


def _in_file(file: Path) -> bool:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(Path(os.environ.get("COMET_CONFIG") or file), encoding="utf-8")
    except (OSError, configparser.Error, UnicodeDecodeError):
        return False
    return bool(parser.get("comet", "api_key", fallback=""))
