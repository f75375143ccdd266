"""Published revisions in the files of a run: where on this machine one lies, and whether it is still there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from callsheet.disk import typed
from callsheet.disk.typed import Malformed
from callsheet.records import Revision
from callsheet.rundir.fields import CommitRecord, RevisionRow

COMMIT = ".callsheet-commit.json"  # in a folder that holds a revision; its "commit" names exactly this content
FOLDER_OF_0_1 = "hub"


def revision_of(content: Mapping[str, Any], run_dir: Path) -> Revision:
    """The revision that a JSON object describes, with its path found in `run_dir`, wherever that lies by now.

    Fields that this version does not know are left out. Raises `Malformed` where one is missing, or of a wrong type.
    """
    known = known_fields(Revision, typed.convert(content, RevisionRow, "the revision"))
    return Revision(**{**known, "path": _path_of(content, run_dir)})


def known_fields(record: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `record` has: a courier of a later version may know more."""
    names = {field.name for field in fields(record)}
    return {name: value for name, value in content.items() if name in names}


def content_of(revision: Revision, run_dir: Path) -> dict[str, Any]:
    """`revision` for a JSON file, its path relative to `run_dir` where it lies inside: the run may be moved."""
    return {**asdict(revision), "path": relative(revision.path, run_dir)}


def relative(path: Path | None, run_dir: Path) -> str | None:
    """`path` as it is written down: relative to `run_dir` where it lies inside, else absolute."""
    if path is None:
        return None
    return os.path.relpath(path, run_dir) if path.is_relative_to(run_dir) else str(path)


def commit_in(folder: Path) -> str | None:
    """The commit that `folder` says it holds, or None where it says none."""
    try:
        return typed.read(folder / COMMIT, CommitRecord)["commit"]
    except (OSError, Malformed):
        return None


def holds_commit(revision: Revision) -> bool:
    """Whether the folder of `revision` on this machine still holds its commit; another run may have replaced it."""
    return revision.path is not None and commit_in(revision.path) == revision.commit


def _path_of(content: Mapping[str, Any], run_dir: Path) -> Path | None:
    if path := content.get("path"):
        return run_dir / str(path)
    url = urlsplit(str(content.get("url", "")))
    if url.scheme != "file":
        return None
    # Callsheet 0.1 wrote the address alone, which is wrong once the run was moved.
    path = Path(unquote(url.path))
    return path if path.exists() else run_dir / FOLDER_OF_0_1 / str(content.get("branch", ""))
