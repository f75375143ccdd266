"""sha256 of what is published: from the manifest where it stands there already, else read once and remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from callsheet import checkpoints
from callsheet.rundir import RunDir


class Hashes:
    """Remembers by file and time of change, so that a second attempt reads nothing again."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = RunDir(run_dir, is_main=False)
        self._known: dict[tuple[int, int, int, int], str] = {}

    def of(self, files: Mapping[str, Path], checkpoint: str) -> dict[str, str]:
        """The sha256 of each file; those of a checkpoint are taken from the manifest, which hashes them as well."""
        listed = {}
        if checkpoint and any(_identity(path) not in self._known for path in files.values()):
            row = checkpoints.manifest(self.run_dir).get(checkpoint)
            listed = dict(row.files) if row else {}
        for name, path in files.items():
            identity, record = _identity(path), listed.get(name)
            if identity not in self._known:
                same = record is not None and record.sha256 and record.size == path.stat().st_size
                self._known[identity] = str(record.sha256) if record and same else checkpoints.sha256(path)
        return {name: self._known[_identity(path)] for name, path in files.items()}


def git_blob(content: bytes) -> str:
    """What git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _identity(path: Path) -> tuple[int, int, int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
