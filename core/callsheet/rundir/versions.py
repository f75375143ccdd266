"""Which Callsheet wrote a run directory, and what to do where this one cannot read it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from callsheet.disk.regular import shown
from callsheet.errors import CallsheetError

FORMAT = 1  # of run.json and all that lies beside it; 0.1.0 did not write the number


def refuse_later(run: Mapping[str, Any], run_dir: Path) -> None:
    """Raise `CallsheetError` where `run`, the content of run.json, is of a later format than this Callsheet knows."""
    written = run.get("format", FORMAT)
    if isinstance(written, int) and written > FORMAT:
        said = f"{shown(run_dir)} was written by Callsheet {writer(run)}, in format {written}"
        here = f"this is Callsheet {this_one()}, which reads formats up to {FORMAT}"
        raise CallsheetError(f"{said}, and {here}. Use that version, or a later one: pip install -U callsheet")


def remedy(run: Mapping[str, Any]) -> str:
    """What to do with a file of the run whose run.json holds `run`, where a field is not what it should be."""
    if writer(run) in (this_one(), UNKNOWN):
        return REPAIR
    return f"Callsheet {writer(run)} wrote it, and this is {this_one()}: use that version, or repair it."


def writer(run: Mapping[str, Any]) -> str:
    """The version of Callsheet that wrote `run`, by what it says itself."""
    found = run.get("versions")
    said = found.get("callsheet") if isinstance(found, Mapping) else None
    return said if isinstance(said, str) and said.isprintable() and len(said) < LONGEST else UNKNOWN


def this_one() -> str:
    """The version of the Callsheet that runs."""
    try:
        return version("callsheet")
    except PackageNotFoundError:
        return UNKNOWN


REPAIR = "Repair it; all else in the folder stays as it is."
UNKNOWN = "of an unknown version"
LONGEST = 40  # characters of a version
