"""What a Hub remembers: repositories, branches, commits and the contents of files."""

from __future__ import annotations

import hashlib
import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

GITATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
LFS_FROM = 10 << 20


@dataclass(frozen=True)
class Blob:
    """One file of a commit; `sha256` where it lies in the large file storage."""

    oid: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    title: str
    message: str
    files: dict[str, Blob]
    date: str


@dataclass
class Repo:
    private: bool
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def commit(self, revision: str) -> Commit | None:
        return self.commits.get(self.branches.get(revision, revision))

    def history(self, revision: str) -> list[Commit]:
        found, commit = [], self.commit(revision)
        while commit:
            found.append(commit)
            commit = self.commits.get(commit.parent) if commit.parent else None
        return found


class Store:
    """All repositories; every change under one lock."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.git: dict[str, bytes] = {}
        self.lfs: dict[str, bytes] = {}
        self.verified: set[str] = set()
        self.parts: dict[str, dict[int, bytes]] = {}
        self.lock = threading.RLock()
        self._number = itertools.count()

    def create(self, name: str, private: bool) -> bool:
        with self.lock:
            if name in self.repos:
                return False
            self.repos[name] = Repo(private)
            self.add_commit(name, "main", "initial commit", "", {".gitattributes": self.small(GITATTRIBUTES)})
            return True

    def small(self, content: bytes) -> Blob:
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.git[oid] = content
        return Blob(oid, len(content))

    def large(self, sha256: str) -> Blob:
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(self.lfs[sha256])}\n"
        return Blob(self.small(pointer.encode()).oid, len(self.lfs[sha256]), sha256)

    def add_commit(self, name: str, branch: str, title: str, message: str, files: dict[str, Blob]) -> Commit:
        with self.lock:
            repo = self.repos[name]
            oid = hashlib.sha1(f"{name}{branch}{title}{next(self._number)}".encode()).hexdigest()
            date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            repo.commits[oid] = Commit(oid, repo.branches.get(branch), title, message, files, date)
            repo.branches[branch] = oid
            return repo.commits[oid]

    def content(self, blob: Blob) -> bytes:
        return self.lfs[blob.sha256] if blob.sha256 else self.git[blob.oid]

    def files(self, name: str, revision: str) -> dict[str, bytes]:
        """What a branch or commit holds, by path: for tests to compare."""
        commit = self.repos[name].commit(revision)
        assert commit is not None, f"{name} has no {revision}"
        return {path: self.content(blob) for path, blob in commit.files.items()}
