"""sha256 of a run's files, each read once: by the run for its manifest, or by the courier that publishes it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from threading import Lock

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.disk.regular import open_regular
from callsheet.disk.typed import Malformed
from callsheet.rundir.fields import HashRow
from callsheet.rundir.locks import alone_with

HASHES = "hashes.jsonl"
LONGEST_LINE = 4096  # bytes
SHA256 = re.compile(r"[0-9a-f]{64}")

Identity = tuple[int, int, int, int]


class Hashes:
    """What was hashed, in a file of the run directory; every process of the run may have one, with several threads.

    A snapshot is a hard link, so it has the identity of the checkpoint's file: device, inode, size and time of change.
    """

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / HASHES
        self._known: dict[Identity, str] = {}
        self._read_to = 0
        self._lock = Lock()

    def of(self, path: Path) -> str:
        """The sha256 of `path`; while another process reads the same file, wait for what it finds."""
        identity = _identity(path)
        with alone_with(path):
            if found := self._look_up(identity):
                return found
            digest = sha256(path)
            self._note(identity, digest)
            return digest

    def _look_up(self, identity: Identity) -> str | None:
        with self._lock:
            if identity not in self._known:
                self._read_on()
            return self._known.get(identity)

    def _read_on(self) -> None:
        """Read what was added since, by any process; a line torn by a kill is passed over."""
        try:
            with os.fdopen(open_regular(self.path), "rb") as file:
                file.seek(self._read_to)
                while (line := file.readline(LONGEST_LINE)).endswith(b"\n") or len(line) == LONGEST_LINE:
                    self._read_to += len(line)
                    self._learn(line)
        except OSError:
            return

    def _learn(self, line: bytes) -> None:
        with suppress(Malformed):
            row = typed.parse(line, HashRow, HASHES)
            if SHA256.fullmatch(row["sha256"]):
                self._known[(row["device"], row["inode"], row["size"], row["changed"])] = row["sha256"]

    def _note(self, identity: Identity, digest: str) -> None:
        device, inode, size, changed = identity
        row = {"device": device, "inode": inode, "size": size, "changed": changed, "sha256": digest}
        with self._lock:
            self._known[identity] = digest
        try:
            Inside(self.path.parent).append(HASHES, json.dumps(row) + "\n")
        except OSError:  # on a full disk it is hashed again one day
            return


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _identity(path: Path) -> Identity:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
