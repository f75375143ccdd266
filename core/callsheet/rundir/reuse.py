"""Whether a run directory is free, or holds the very run that is to go on there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.rundir.rundir import CONFIG, EVENTS, LOCK, RUN, RunDir

IDENTITY = ("model", "dataset", "trainer", "peft")
WHEREABOUTS = ("output_dir", "resume", "experiment", "outbox")
# Trainer arguments that decide how long a run is and what it tells, not what it is.
FREE = re.compile(
    r"^args\.(max_steps|num_train_epochs|(save|logging|eval|log|dataloader|metric|hub)_\w+|report_to|run_name|"
    r"disable_tqdm|load_best_model_at_end|greater_is_better)$"
)
OF_OTHERS = re.compile(r"\.(log|out|err|txt)$")  # such as the output of a Slurm job


def path_problems(folder: Path) -> list[str]:
    """Why `folder` cannot become a run directory."""
    parent = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    if not parent.is_dir():
        return [f"output_dir={folder} cannot be made: {parent} is a file."]
    if not os.access(parent, os.W_OK):
        return [f"output_dir={folder} cannot be made: {parent} is not writable."]
    return []


def occupant_problems(folder: Path, resume: str, composed: Mapping[str, Any]) -> list[str]:
    """Why the run `composed` cannot go on in `folder`, which may hold another."""
    if not folder.is_dir() or not any(map(_matters, folder.iterdir())):
        return []
    if not (folder / RUN).exists():
        return [f"output_dir={folder} is not empty and holds no Callsheet run. Choose another."]
    if resume == "never":
        return [f"output_dir={folder} holds a run already, and resume=never. Choose another output_dir."]
    before = RunDir(folder, is_main=False).config()
    for where, old, new in differences(before, composed):
        return [
            f"output_dir={folder} holds another run: {where} is {old!r} there and {new!r} here. "
            "Choose another output_dir."
        ]
    return []


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The settings by which two configurations describe different runs, with both values."""
    for section in IDENTITY:
        old, new = _flat(before.get(section)), _flat(now.get(section))
        for key in sorted(old.keys() | new.keys()):
            is_new = key not in old and not new[key]  # a setting that earlier versions did not have, and that is off
            if old.get(key) != new.get(key) and not is_new and not FREE.match(key):
                yield f"{section}.{key}", old.get(key), new.get(key)


def work(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration decides what is left to be done: all but where a run lies and how it is published.

    `differences` asks for less: a run may go on with more steps or other plugins, and is then not complete any more.
    """
    return {section: value for section, value in config.items() if section not in WHEREABOUTS}


def _matters(entry: Path) -> bool:
    """Whether `entry` is more than what a run that was killed while it started leaves behind."""
    return (
        entry.name not in (LOCK, CONFIG, EVENTS) and not entry.name.startswith(".") and not OF_OTHERS.search(entry.name)
    )


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(content, dict):
        return {prefix: content} if prefix else {}
    return {k: v for key, item in content.items() for k, v in _flat(item, f"{prefix}.{key}".lstrip(".")).items()}
