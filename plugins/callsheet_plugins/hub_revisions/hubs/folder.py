"""`hub=folder`: branches in a local folder, with the same guarantees as on the Hub."""

from __future__ import annotations

import errno
import filecmp
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from callsheet.outbox import Delivery, Permanent, Transient
from callsheet.rundir import atomic
from callsheet.rundir.revisions import COMMIT, commit_in

CARD = "README.md"
FOR_GOOD = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)


class FolderHub:
    """Each `<folder>/<branch>/` holds one complete revision, and a file with its commit and hashes."""

    def publish(self, job: Delivery, hashes: Mapping[str, str]) -> str:
        target = self._branch(job)
        card = str(job.payload["card"])
        expected = {**hashes, CARD: hashlib.sha256(card.encode()).hexdigest()}
        commit = _commit_of(expected)
        if target.exists():
            if commit_in(target) == commit and _holds(target, job):
                return commit
            ours = job.payload["final"] and commit_in(target)  # a resumed run replaces its own final model
            if not (job.payload["overwrite"] or ours):
                raise Permanent(
                    f"{target} holds another revision.",
                    "Set plugins.hub_revisions.overwrite_hub_revision=true, or another revision.",
                )
        try:
            self._write(job, target, card, expected, commit)
        except OSError as error:
            if error.errno in FOR_GOOD:
                raise Permanent(f"{target} cannot be written: {error.strerror}.", "Make it writable.") from error
            raise Transient(f"{target} could not be written: {error.strerror or error}.") from error
        return commit

    def delete(self, job: Delivery, branch: str) -> None:
        folder = job.run_dir / job.payload["folder"] / branch
        gone = folder.with_name(f".{folder.name}.gone")
        if folder.exists():
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def url(self, job: Delivery, commit: str) -> str:
        return self._branch(job).as_uri()

    def path(self, job: Delivery) -> Path:
        return self._branch(job)

    def rewrite_card(self, job: Delivery, change: Callable[[str], str]) -> str | None:
        """Change the card; the commit stays, because in a folder it is a hash of the published content."""
        target = self._branch(job)
        if commit_in(target) != job.payload["commit"]:
            return None
        atomic.write(target / CARD, change((target / CARD).read_text(encoding="utf-8")))
        return str(job.payload["commit"])

    def _branch(self, job: Delivery) -> Path:
        return job.run_dir / str(job.payload["folder"]) / str(job.payload["branch"])

    def _write(self, job: Delivery, target: Path, card: str, expected: Mapping[str, str], commit: str) -> None:
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        done, total = 0, sum(job.entry.files.values())
        for name, path in job.files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, part / name)
            _sync(part / name)
            done += path.stat().st_size
            job.progress(done, total)
        _write(part / CARD, card)
        if not _holds(part, job):
            raise Transient(f"The files that arrived in {target.parent} differ from those that were sent.")
        says = {"commit": commit, "message": job.payload["message"], "files": expected}
        _write(part / COMMIT, json.dumps(says, indent=1) + "\n")
        atomic.sync(part)
        if target.exists():
            self.delete(job, job.payload["branch"])
        atomic.move(part, target)


def _commit_of(expected: Mapping[str, str]) -> str:
    """A hash of the content, in the form of a commit id."""
    return hashlib.sha256(json.dumps(sorted(expected.items())).encode()).hexdigest()[:40]


def _holds(folder: Path, job: Delivery) -> bool:
    """Whether `folder` holds exactly the files and the card of `job`, byte for byte."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {COMMIT}
    return (
        found == {*job.files, CARD}
        and (folder / CARD).read_text(encoding="utf-8") == str(job.payload["card"])
        and all(filecmp.cmp(path, folder / name, shallow=False) for name, path in job.files.items())
    )


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
