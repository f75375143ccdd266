"""Whether a directory is free for a run, or holds one already, and what of it is work."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.disk import os_errors
from callsheet.disk.descent import Outside
from callsheet.disk.planted import refuse_planted
from callsheet.disk.refusals import permissions
from callsheet.rundir.rundir import CHECKPOINTS, CONFIG, EVALS, EVENTS, LOCK, METRICS, RUN, RunDir

WHEREABOUTS = ("output_dir", "resume", "branch", "experiment", "outbox")
FILES = (RUN, CONFIG, CHECKPOINTS, METRICS, EVENTS, EVALS, LOCK)
FOLDERS = ("outbox", "snapshots", "predictions", "completions", "callsheet")
OVER = ("completed", "stopped")
OF_OTHERS = re.compile(r"\.(log|out|err|txt)$")  # such as the output of a Slurm job


def path_problems(folder: Path) -> list[str]:
    """Why `folder` cannot become a run directory."""
    if said := os_errors.unwritable(folder):
        return [os_errors.of_setting("output_dir", folder, said)]
    try:
        refuse_planted(folder)
    except Outside as error:
        return [f"output_dir={folder}: {error}"]
    except FileNotFoundError:
        return []
    return [*_closed_in(folder)]


def _closed_in(folder: Path) -> Iterator[str]:
    """What of a run that lies in `folder` could not be read, or written where that is needed, when it goes on."""
    if not (folder / RUN).exists():
        return
    for path in (*folder.iterdir(), *folder.glob("outbox/*")):
        is_folder = path.is_dir()
        if is_folder and path.name in FILES:
            yield f"output_dir={folder}: {os_errors.sentence(errno.EISDIR, path)}"
        elif not is_folder and path.name in FOLDERS:
            yield f"output_dir={folder}: {os_errors.sentence(errno.ENOTDIR, path)}"
        elif (
            (_matters(path) or path.name in FILES)
            and path.exists()
            and not permissions.may(path, _needed(path, is_folder))
        ):
            yield f"output_dir={folder}: {os_errors.sentence(errno.EACCES, path)}"


def _needed(path: Path, is_folder: bool) -> str:
    """Checkpoints may be protected from being written."""
    return f"r{'' if path.name.startswith('checkpoint-') else 'w'}{'x' if is_folder else ''}"


def occupant_problems(folder: Path, resume: str) -> list[str]:
    """Why no run can go on in `folder`, whatever its settings."""
    if not folder.is_dir() or not any(map(_matters, folder.iterdir())):
        return []
    if not (folder / RUN).exists():
        return [f"output_dir={folder} is not empty and holds no Callsheet run. Choose another."]
    if resume == "never":
        return [f"output_dir={folder} holds a run already, and resume=never. Choose another output_dir."]
    return []


def failed_before_its_first_step(folder: Path) -> bool:
    """Whether the run in `folder` has nothing to lose, so that its command may be mended and given again."""
    run = RunDir(folder, is_main=False).run()
    took = (run.get("outcome") or {}).get("step") or any((folder / kept).exists() for kept in (CHECKPOINTS, METRICS))
    return run.get("status") == "failed" and not took


def work(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration decides what is left to be done: all but where a run lies and how it is published.

    `changes.RULES` ask for less: a run may go on with more steps or other plugins, and is then not complete any more.
    """
    return {section: value for section, value in config.items() if section not in WHEREABOUTS}


def _matters(entry: Path) -> bool:
    """Whether `entry` is more than what a run that was killed while it started leaves behind."""
    return (
        entry.name not in (LOCK, CONFIG, EVENTS) and not entry.name.startswith(".") and not OF_OTHERS.search(entry.name)
    )
