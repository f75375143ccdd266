"""Which runs and experiments some paths name, or hold: found by their records, in a walk that has an end."""

from __future__ import annotations

import os
import re
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
OF_EXPERIMENT = (ARMS, LOGS, REPLACED, WORKERS)  # folders of an experiment that hold no run of its own
CHECKPOINT = "checkpoint-"


@dataclass(frozen=True)
class Found:
    """What lies at some paths. `root` is the folder that all of it lies in; each run's label is short, and its own."""

    root: Path
    runs: dict[Path, str]
    experiments: tuple[Path, ...]
    faults: tuple[str, ...] = ()


def discover(paths: Sequence[Path]) -> Found:
    """The runs and experiments at or below `paths`. Raises `CallsheetError` where there is none."""
    runs, experiments, faults = dict[Path, None](), dict[Path, None](), list[str]()
    for path in paths:
        place = Path(os.path.abspath(path))
        found = [*_walk(place, faults)]
        runs |= dict.fromkeys(each for each in found if _has(each, RUN))
        experiments |= dict.fromkeys(each for each in found if _has(each, RECORD))
        if not found:
            faults.append(f"{shown(path)} holds no Callsheet run.{instead(path)}")
    if not runs:
        raise CallsheetError("\n".join(faults) or "No path was given.")
    root = _common([Path(os.path.abspath(path)) for path in paths])
    return Found(root, _labels([*runs]), tuple(experiments), tuple(faults))


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


def _walk(top: Path, faults: list[str]) -> Iterator[Path]:
    """Runs and experiments at and below `top`, those of a folder by their names."""
    level, looked = [top], 0
    for _ in range(DEEPEST + 1):
        below: list[Path] = []
        for folder in level:
            looked += 1
            if looked > MOST_FOLDERS:
                faults.append(f"{shown(top)} has more than {MOST_FOLDERS:,} folders; the others were not looked into.")
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
    """Those in `folder` that may hold runs; a folder that this user may not look into is a fault."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except PermissionError as error:
        faults.append(said(error, folder))
        return []
    except OSError:
        return []
    wanted = (name for name in names if name not in besides and not name.startswith((".", CHECKPOINT)))
    return [folder / name for name in sorted(wanted, key=natural)]


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which `seed-10` comes after `seed-9`."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part) for part in parts]


def _has(folder: Path, name: str) -> bool:
    return os.path.lexists(folder / name)


def _common(places: Sequence[Path]) -> Path:
    return Path(os.path.commonpath(places))


def _labels(runs: Sequence[Path]) -> dict[Path, str]:
    """Each run by its path from the folder that all of them lie in."""
    within = _common([run.parent for run in runs])
    return {run: shown(run.relative_to(within)) for run in runs}
