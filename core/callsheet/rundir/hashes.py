"""sha256 of a run's files, each read once: by the run for its manifest, or by the courier that publishes it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

HASHES = "hashes.jsonl"
PATIENCE_SECONDS = 900.0
LOOK_SECONDS = 0.05

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
        with _alone_with(path):
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
            with self.path.open("rb") as file:
                file.seek(self._read_to)
                whole, _, _ = file.read().rpartition(b"\n")
        except OSError:
            return
        self._read_to += len(whole) + bool(whole)
        for line in whole.splitlines():
            try:
                row = json.loads(line)
                self._known[(row["device"], row["inode"], row["size"], row["changed"])] = row["sha256"]
            except (ValueError, KeyError, TypeError):
                continue

    def _note(self, identity: Identity, digest: str) -> None:
        device, inode, size, changed = identity
        row = {"device": device, "inode": inode, "size": size, "changed": changed, "sha256": digest}
        with self._lock:
            self._known[identity] = digest
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
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


@contextmanager
def _alone_with(path: Path) -> Iterator[None]:
    """Hold the system's lock on a file, which a process gives up however it ends; without one where there are none."""
    descriptor, end = os.open(path, os.O_RDONLY), time.monotonic() + PATIENCE_SECONDS
    try:
        while not _locked(descriptor) and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Whether there is nothing to wait for: the lock is ours, or the file system has none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
