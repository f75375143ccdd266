"""The command that began an experiment, from its record, for whoever knows the directory alone."""

from __future__ import annotations

import json
from pathlib import Path

from callsheet.errors import CallsheetError
from callsheet.experiments.driver.record import Record


def command_of(record: Record, folder: Path) -> tuple[list[str], bool]:
    """The flags and overrides, and whether they are those of `callsheet train -m`.

    Raises `CallsheetError` where the folder is gone in which the command was given.
    """
    command = record.command
    if not Path(command.cwd).is_dir():
        raise CallsheetError(
            f"The experiment in {folder} was begun in {command.cwd}, which is not here, and its paths are relative to it."
        )
    typed = [*command.overrides, *command.hydra] if command.sweep is None else command.sweep
    return [*command.flags, *typed, f"output_dir={json.dumps(str(folder), ensure_ascii=False)}"], command.sweep is not None
