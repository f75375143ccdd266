"""Which runs and experiments some paths name, or hold: found by their records, in a walk that has an end."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from callsheet.disk.os_errors import said
from callsheet.disk.regular import shown
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.experiments.places import ARMS, LOGS, RECORD, REPLACED, WORKERS
from callsheet.rundir.rundir import RUN

DEEPEST = 6  # folders below one that was named
MOST_FOLDERS = 50_000  # that are looked into
MOST_RUNS = 5_000
OF_EXPERIMENT = (ARMS, LOGS, REPLACED, WORKERS)  # folders of an experiment that hold no run of its own
CHECKPOINT = "checkpoint-"


@dataclass(frozen=True)
class Found:
    """What lies at some paths. `root` is the folder that all of it lies in; each run's label is short, and its own.

    `faults` say what could not be looked into, and which paths hold nothing; the latter are also in `empty`.
    """

    root: Path
    runs: dict[Path, str]
    experiments: tuple[Path, ...]
    faults: tuple[str, ...] = ()
    empty: tuple[Path, ...] = ()


def discover(paths: Sequence[Path]) -> Found:
    """The runs and experiments at or below `paths`, each once. Raises `CallsheetError` where there is no run."""
    found, faults, empty = dict[object, Path](), list[str](), list[Path]()
    for path in paths:
        before = len(faults)
        here = [*_walk(Path(os.path.abspath(path)), faults)]
        for place in here:
            found.setdefault(_identity(place), place)
        if not any(_has(place, RUN) for place in here):
            empty.append(path)
            faults[before:before] = [] if _is_closed(path) else [_said_of(path)]
    runs = [place for place in found.values() if _has(place, RUN)]
    if not runs:
        raise CallsheetError("\n".join(faults) or "No path was given.")
    root = _common([Path(os.path.abspath(path)) for path in paths])
    experiments = tuple(place for place in found.values() if _has(place, RECORD) and not _has(place, RUN))
    return Found(root, _labels(runs), experiments, tuple(faults), tuple(empty))


def instead(path: Path) -> str:
    """What may be meant, with a leading space: the run that `path` lies in, or one beside it; or nothing."""
    within = next((above for above in Path(os.path.abspath(path)).parents if _has(above, RUN)), None)
    if within:
        return f" It lies in a run: {shown(within)}"
    if path.exists():
        return ""
    try:
        beside = [entry.name for entry in os.scandir(path.absolute().parent) if entry.is_dir()]
    except OSError:
        beside = []
    return did_you_mean(path.name, beside, before=str(path).removesuffix(path.name))


def _said_of(path: Path) -> str:
    """Why there is no run at `path`, and what may be meant."""
    if not os.path.lexists(path):
        return f"There is no folder {shown(path)}.{instead(path)}"
    if _has(path, RECORD):
        return f"{shown(path)} is an experiment, and none of its runs has begun."
    what = "holds no Callsheet run" if path.is_dir() else "is no folder of a Callsheet run"
    return f"{shown(path)} {what}.{instead(path)}"


def _is_closed(path: Path) -> bool:
    """Whether it is a folder that this user may not look into, which the walk has said."""
    try:
        os.scandir(path).close()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _walk(top: Path, faults: list[str]) -> Iterator[Path]:
    """Runs and experiments at and below `top`, those of a folder by their names."""
    level, looked, runs = [top], 0, 0
    for _ in range(DEEPEST + 1):
        below: list[Path] = []
        for folder in level:
            looked, runs = looked + 1, runs + _has(folder, RUN)
            if looked > MOST_FOLDERS or runs > MOST_RUNS:
                many = f"{MOST_RUNS:,} runs" if runs > MOST_RUNS else f"{MOST_FOLDERS:,} folders"
                faults.append(f"{shown(top)} has more than {many}; the others were left out.")
                return
            if _has(folder, RUN):
                yield folder
                continue
            is_experiment = _has(folder, RECORD)
            if is_experiment:
                yield folder
            below += _folders(folder, OF_EXPERIMENT if is_experiment else (), faults)
        level = below


def _folders(folder: Path, besides: Sequence[str], faults: list[str]) -> list[Path]:
    """Those in `folder` that may hold runs; a folder that this user may not look into is a fault, and so is a link."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_symlink()) for entry in entries if entry.is_dir()]
    except PermissionError as error:
        faults.append(said(error, folder))
        return []
    except OSError:
        return []
    wanted = [each for each in found if each[0] not in besides and not each[0].startswith((".", CHECKPOINT))]
    linked = [folder / name for name, is_link in wanted if is_link]
    faults += [
        f"{shown(link)} is a symbolic link, and was not followed: name it to have it shown."
        for link in linked
        if _has(link, RUN) or _has(link, RECORD)
    ]
    return [folder / name for name in sorted((name for name, is_link in wanted if not is_link), key=natural)]


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which `seed-10` comes after `seed-9`."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part) for part in parts]


def _has(folder: Path, name: str) -> bool:
    return os.path.lexists(folder / name)


def _common(places: Sequence[Path]) -> Path:
    return Path(os.path.commonpath(places))


def _identity(place: Path) -> object:
    """The same for two names of one folder."""
    try:
        found = place.stat()
    except OSError:
        return place
    return found.st_dev, found.st_ino


def _labels(runs: Sequence[Path]) -> dict[Path, str]:
    """Each run by its path from the folder that all of them lie in."""
    within, taken, labels = _common([run.parent for run in runs]), Counter[str](), dict[Path, str]()
    for run in runs:
        label = shown(run.relative_to(within))
        taken[label] += 1  # two names may look the same once their signs are escaped
        labels[run] = label if taken[label] == 1 else f"{label} ({taken[label]})"
    return labels
