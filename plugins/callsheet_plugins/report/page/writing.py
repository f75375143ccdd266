"""Where the page is written: beside what it reports, or where somebody wants it, and never over what is no page."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from callsheet.disk.inside import Inside
from callsheet.disk.os_errors import of_setting, unwritable
from callsheet.disk.regular import kind, shown
from callsheet.errors import CallsheetError

NAME = "report.html"
HEAD = b'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" '


def beside(root: Path) -> Path:
    """The file for the page of what lies at `root`; raises `CallsheetError` where it cannot be written."""
    if refusal := unwritable(root):
        raise CallsheetError(f"{refusal} Or name another place for the page with --out.")
    if (root / NAME).is_dir():
        raise CallsheetError(
            f"{shown(root / NAME)} is a folder, where the page would be. Name another file with --out."
        )
    if _is_of_others(root / NAME):
        raise CallsheetError(f"{shown(root / NAME)} exists, and no report wrote it. Name another file with --out.")
    return root / NAME


def wanted(out: Path) -> Path:
    """`out`, which somebody typed; raises `CallsheetError` where it is no file that a page may replace."""
    out = out.expanduser()
    if out.is_dir():
        raise CallsheetError(f"--out={shown(out)} is a folder; name a file in it, such as {shown(out / NAME)}.")
    if os.path.lexists(out) and not stat.S_ISREG(mode := os.lstat(out).st_mode):
        raise CallsheetError(f"--out={shown(out)} is {kind(mode)}; name a file.")
    if refusal := unwritable(out.parent):
        raise CallsheetError(of_setting("--out", shown(out), refusal))
    if _is_of_others(out):
        raise CallsheetError(
            f"--out={shown(out)} exists, and no report wrote it. Name another file, or remove it first."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    return out


def write(file: Path, text: str) -> None:
    """Put the page at `file` in one step; a link of this name gives way, and is not followed."""
    Inside(file.parent).write(file.name, text.encode("utf-8", "replace"), durable=False)


def _is_of_others(file: Path) -> bool:
    """Whether a file of this name holds something, and that is no page: a run's metrics, somebody's notes."""
    if not os.path.lexists(file) or not stat.S_ISREG(os.lstat(file).st_mode):
        return False
    try:
        with os.fdopen(Inside(file.parent).open(file.name), "rb") as found:
            return found.read(len(HEAD)) not in (b"", HEAD)
    except OSError:
        return True
