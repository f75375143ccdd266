"""Publishes a revision, in the courier: scan for secrets, publish, verify."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Protocol

from callsheet.hub import outgoing
from callsheet.hub.quota import Quota
from callsheet.outbox import Delivery, Handler, Hashes
from callsheet.rundir.hashes import sha256
from callsheet.rundir.revisions import relative
from callsheet_plugins.hub_revisions.courier.branches import Branches
from callsheet_plugins.hub_revisions.courier.cleaning import cleaned
from callsheet_plugins.hub_revisions.courier.payloads import RevisionPayload, checked

CARD = "README.md"
REMEDY = "Take the secret out, and train or save again. If it was published before, replace it where it is valid."


class Hub(Protocol):
    """A place that holds branches of files."""

    def publish(self, job: Delivery, hashes: Mapping[str, str]) -> str:
        """Make the branch hold exactly the job's files and card, and verify them; returns the commit."""

    def delete(self, job: Delivery, branch: str) -> None:
        """Remove a branch, if it exists."""

    def url(self, job: Delivery, commit: str) -> str: ...

    def path(self, job: Delivery) -> Path | None:
        """The local folder that holds the revision, or None if it is remote."""

    def holds(self, job: Delivery) -> bool:
        """Whether there is such a branch, whatever it holds."""

    def rewrite_card(self, job: Delivery, change: Callable[[str], str]) -> str | None:
        """Change the model card at the head of the branch; returns the commit, or None if the revision is gone."""


def refuse_secrets(payload: Mapping[str, Any], files: Mapping[str, Path | str]) -> None:
    """Raise `Permanent` if one of `files` holds a secret."""
    outgoing.refuse_secrets(payload["branch"], payload["repo"], files, REMEDY)


class RevisionHandler(Handler):
    """Carries out entries of kind `hub_revisions`."""

    parallel = 2

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir)
        self._hashes = Hashes(run_dir)
        self._branches = Branches(run_dir / "outbox" / "hub_branches.json")
        self._quota = Quota(run_dir / "outbox" / "hub_commits.json")
        self._hubs: dict[str, Hub] = {}
        self._lock = Lock()

    def deliver(self, job: Delivery) -> Mapping[str, Any]:
        payload = checked(job.payload, RevisionPayload)
        refuse_secrets(payload, job.files)
        hub = self._hub(payload)
        if payload["hub"] == "huggingface" and (newer := self._quota.wait_or_pass(job)):
            return {"coalesced_into": newer}
        with TemporaryDirectory() as folder:
            job, changed = cleaned(job, Path(folder))
            refuse_secrets(payload, {**changed, CARD: str(payload["card"]), "the commit's message": payload["message"]})
            # Nothing notes the hash of a changed file, which is gone in a moment.
            hashes = {
                name: sha256(path) if name in changed else self._hashes.of(path) for name, path in job.files.items()
            }
            commit = hub.publish(job, hashes)
        self._note(job, commit)
        return {
            "revision": {
                **{name: payload[name] for name in ("repo", "branch", "step", "checkpoint", "weights")},
                "commit": commit,
                "url": hub.url(job, commit),
                "path": relative(hub.path(job), job.run_dir),
            },
            "files": hashes,
        }

    def _hub(self, payload: Mapping[str, Any]) -> Hub:
        with self._lock:
            name = payload["hub"]
            if name not in self._hubs:
                self._hubs[name] = self._make(payload)
            return self._hubs[name]

    def _make(self, payload: Mapping[str, Any]) -> Hub:
        if payload["hub"] == "folder":
            from callsheet_plugins.hub_revisions.hubs.folder import FolderHub

            return FolderHub()
        outgoing.set_variables()
        from callsheet_plugins.hub_revisions.hubs.huggingface import HuggingFaceHub

        return HuggingFaceHub(self._quota, payload["timeout_seconds"])

    def _note(self, job: Delivery, commit: str) -> None:
        """Record the branch of a checkpoint for pruning; the models of `on_train_end` and `publish` are always kept."""
        payload = job.payload
        if payload.get("prune") and payload.get("checkpoint"):
            about = {name: payload[name] for name in ("step", "metrics", "weights")}
            self._branches.add(payload["branch"], **about, commit=commit, entry=job.entry.id)
