"""`experiment.json`: what an experiment is, what its loggers left, how its arms ended, and the verdict."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callsheet.disk import os_errors, typed
from callsheet.disk.inside import Inside
from callsheet.disk.typed import LARGE, Malformed
from callsheet.errors import CallsheetError, sentences
from callsheet.experiments.places import RECORD
from callsheet.rundir import atomic, versions
from callsheet.rundir.rundir import now
from callsheet.values import dumps

CALLED = "the experiment's directory"
RUNNING = "running"


@dataclass(frozen=True)
class Command:
    """How the experiment was called, and where. `overrides` are those of every arm, those of its file among them.

    `typed` was typed behind `callsheet experiment`, or behind `callsheet train -m` if it `is_sweep`.
    """

    flags: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    cwd: str = "."
    typed: list[str] = field(default_factory=list)
    is_sweep: bool = False


@dataclass
class Record:
    """The content of `experiment.json`; the queue knows more about the arms while they run."""

    name: str
    command: Command
    settings: dict[str, Any]
    experiment_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    callsheet: str = field(default_factory=versions.this_one)
    created: str = field(default_factory=now)
    status: str = RUNNING
    ended: str | None = None
    hypothesis: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    arms: list[dict[str, Any]] = field(default_factory=list)
    verdict: dict[str, Any] | None = None
    format: int = versions.FORMAT

    def content(self) -> dict[str, Any]:
        return vars(self) | {"command": vars(self.command)}

    def write(self, folder: Path) -> None:
        """Replace the file in one step, without secrets."""
        atomic.write(folder / RECORD, dumps(self.content(), indent=2) + "\n", folder)


def read(folder: Path) -> Record | None:
    """The record in `folder`, or None where no experiment was begun. Raises `CallsheetError`."""
    path = folder / RECORD
    try:
        Inside(folder, CALLED).refuse_link(RECORD)
        return typed.read(path, Record, limit=LARGE)
    except FileNotFoundError:
        return None
    except Malformed as error:
        raise CallsheetError(sentences(str(error), versions.REPAIR)) from error
    except OSError as error:
        raise os_errors.Refused(os_errors.said(error, path)) from error


def require(folder: Path) -> Record:
    """The record in `folder`. Raises `CallsheetError` where there is none."""
    if not folder.is_dir():
        raise CallsheetError(f"There is no folder {folder}.")
    if (found := read(folder)) is None:
        raise CallsheetError(f"{folder} holds no experiment: it has no {RECORD}.")
    return found


def command_of(record: Record, folder: Path) -> tuple[list[str], bool]:
    """The flags and overrides, and whether they are those of `callsheet train -m`.

    Raises `CallsheetError` where the folder is gone in which the command was given.
    """
    command = record.command
    if not Path(command.cwd).is_dir():
        raise CallsheetError(
            f"The experiment in {folder} was begun in {command.cwd}, which is not here; its paths are relative to that."
        )
    place = f"output_dir={json.dumps(str(folder), ensure_ascii=False)}"
    return [*command.flags, *command.typed, place], command.is_sweep
