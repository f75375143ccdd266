"""`hub=folder`: branches in a local folder, with the same guarantees as on the Hub."""

from __future__ import annotations

import errno
import filecmp
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from callsheet.disk import os_errors
from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside
from callsheet.hub.outgoing import BESIDE
from callsheet.outbox import Delivery, Permanent, Transient
from callsheet.rundir import atomic
from callsheet.rundir.links import copy
from callsheet.rundir.revisions import COMMIT, commit_in

CARD = "README.md"
FOR_GOOD = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)


class FolderHub:
    """Each `<folder>/<branch>/` holds one complete revision, and a file with its commit and hashes."""

    def publish(self, job: Delivery, hashes: Mapping[str, str]) -> str:
        target, inside = self._branch(job), _inside(job)
        card = str(job.payload["card"])
        expected = {**hashes, CARD: hashlib.sha256(card.encode()).hexdigest()}
        commit = _commit_of(expected)
        if inside.stat(target):
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
        except Outside:
            raise
        except OSError as error:
            if error.errno in FOR_GOOD:
                raise Permanent(os_errors.said(error, target)) from error
            raise Transient(f"{target} could not be written: {error.strerror or error}.") from error
        return commit

    def delete(self, job: Delivery, branch: str) -> None:
        folder = _folder(job) / branch
        gone, inside = folder.with_name(f".{folder.name}.gone"), _inside(job)
        if inside.stat(folder):
            inside.rename(folder, gone)
        inside.remove_tree(gone)

    def url(self, job: Delivery, commit: str) -> str:
        return self._branch(job).as_uri()

    def path(self, job: Delivery) -> Path:
        return self._branch(job)

    def holds(self, job: Delivery) -> bool:
        return self._branch(job).is_dir()

    def rewrite_card(self, job: Delivery, change: Callable[[str], str]) -> str | None:
        """Change the card; the commit stays, because in a folder it is a hash of the published content."""
        target = self._branch(job)
        if commit_in(target) != job.payload["commit"]:
            return None
        inside = _inside(job)
        atomic.write(target / CARD, change(inside.read(target / CARD).decode()), inside.root)
        return str(job.payload["commit"])

    def _branch(self, job: Delivery) -> Path:
        return _folder(job) / str(job.payload["branch"])

    def _write(self, job: Delivery, target: Path, card: str, expected: Mapping[str, str], commit: str) -> None:
        part, inside = target.with_name(f".{target.name}.part"), _inside(job)
        if not inside.root.exists():
            inside.root.mkdir(parents=True, exist_ok=True)
        inside.remove_tree(part)
        inside.make(part)
        done, total = 0, sum(job.entry.files.values())
        for name, path in job.files.items():
            inside.make((part / name).parent)
            copy(path, part / name, inside.root)
            inside.sync(part / name)
            done += path.stat().st_size
            job.progress(done, total)
        inside.write(part / CARD, card)
        if not _holds(part, job):
            raise Transient(f"The files that arrived in {target.parent} differ from those that were sent.")
        says = {"commit": commit, "message": job.payload["message"], "files": expected}
        inside.write(part / COMMIT, json.dumps(says, indent=1) + "\n")
        inside.sync(part)
        if inside.stat(target):
            self.delete(job, job.payload["branch"])
        inside.rename(part, target, durable=True)


def _folder(job: Delivery) -> Path:
    return Path(os.path.normpath(job.run_dir / str(job.payload["folder"])))


def _inside(job: Delivery) -> Inside:
    """The run directory where the folder of branches lies in it; else that folder, which the user chose."""
    folder = _folder(job)
    return Inside(job.run_dir) if folder.is_relative_to(job.run_dir) else Inside(folder, "the folder of branches")


def _commit_of(expected: Mapping[str, str]) -> str:
    """A hash of the content, in the form of a commit id."""
    return hashlib.sha256(json.dumps(sorted(expected.items())).encode()).hexdigest()[:40]


def _holds(folder: Path, job: Delivery) -> bool:
    """Whether `folder` holds exactly the files and the card of `job`, byte for byte."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {COMMIT} - BESIDE
    return (
        found == {*job.files, CARD}
        and (folder / CARD).read_text(encoding="utf-8") == str(job.payload["card"])
        and all(filecmp.cmp(path, folder / name, shallow=False) for name, path in job.files.items())
    )
