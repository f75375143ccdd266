"""The files of completions: one for each step, in which what is sampled again takes the place of what was there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from callsheet.completions.rows import Row
from callsheet.rundir.rundir import RunDir, lines

FOLDER = "completions"


def keep(run_dir: RunDir, step: int, rows: Sequence[Row]) -> None:
    """Write rows of `step` in place of those of the same sources. Raises OSError, and `CallsheetError` for no file."""
    sources = {row["source"] for row in rows}
    others = [row for row in read(run_dir, step) if row["source"] not in sources]
    run_dir.inside.make(FOLDER)
    run_dir.write_text(_name(step), lines([*others, *rows]))


def read(run_dir: RunDir, step: int) -> list[Row]:
    """The rows of one step, oldest first; none where there is no such file."""
    return [*run_dir.rows(_name(step))]


def steps(run_dir: RunDir) -> list[int]:
    """The steps whose completions are kept, in order."""
    names = (PurePath(name) for name in run_dir.inside.names(FOLDER))
    return sorted(int(name.stem) for name in names if name.suffix == ".jsonl" and name.stem.isdecimal())


def _name(step: int) -> str:
    return f"{FOLDER}/{step}.jsonl"
