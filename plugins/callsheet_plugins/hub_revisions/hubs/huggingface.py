"""`hub=huggingface`: each revision is one branch with one commit, verified file by file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, set_client_factory
from huggingface_hub.errors import HfHubHTTPError

from callsheet.hub import client, contents
from callsheet.hub.explained import explained
from callsheet.hub.outgoing import BESIDE, MARK, mark
from callsheet.hub.quota import Quota
from callsheet.outbox import Delivery, Permanent, Transient
from callsheet.privates.huggingface_hub import addition

CARD = "README.md"


class HuggingFaceHub:
    """Looks at the branch first, so that it does not repeat an attempt that was killed or whose answer was lost."""

    def __init__(self, quota: Quota, timeout_seconds: float) -> None:
        set_client_factory(lambda: client.make_client(timeout_seconds))
        self.api = HfApi()
        self.quota = quota
        self._first_commits: dict[str, tuple[str, set[str]]] = {}
        self._lock, self._uploading = Lock(), Lock()

    def publish(self, job: Delivery, hashes: Mapping[str, str]) -> str:
        payload = job.payload
        repo, branch = payload["repo"], payload["branch"]
        expected = {**hashes, CARD: contents.git_blob(str(payload["card"]).encode())}
        with explained(repo, branch):
            first, given = self._first_commit(repo, private=payload["private"])
            head = contents.head(self.api, repo, branch)
            if head is None:
                self.api.create_branch(repo, branch=branch, revision=first, exist_ok=True)
            elif head != first:
                if not self._differences(job, head, expected, given):
                    return head
                self._refuse_unless_ours(job, head)
            extra = (
                contents.tree(self.api, repo, head).keys() - expected.keys() - given
                if head and head != first
                else set()
            )
            with self._uploading:  # two uploads at a time would send their common files twice
                commit = self._commit(job, hashes, sorted(extra))
            if wrong := self._differences(job, commit, expected, given):
                raise Transient(f"{repo}@{branch}: {', '.join(wrong)} arrived with another content.")
            return commit

    def delete(self, job: Delivery, branch: str) -> None:
        with explained(job.payload["repo"], branch):
            try:
                self.api.delete_branch(job.payload["repo"], branch=branch)
            except HfHubHTTPError as error:
                if error.response.status_code != 404:
                    raise

    def url(self, job: Delivery, commit: str) -> str:
        return f"{self.api.endpoint}/{job.payload['repo']}/tree/{commit}"

    def path(self, job: Delivery) -> None:
        return None

    def holds(self, job: Delivery) -> bool:
        with explained(job.payload["repo"], job.payload["branch"]):
            return contents.head(self.api, job.payload["repo"], job.payload["branch"]) is not None

    def rewrite_card(self, job: Delivery, change: Callable[[str], str]) -> str | None:
        repo, branch = job.payload["repo"], job.payload["branch"]
        with explained(repo, branch):
            head = contents.head(self.api, repo, branch)
            if head is None or job.payload["commit"] not in self._history(repo, head):
                return None
            with TemporaryDirectory() as folder:  # no other code needs the card in a cache
                place = self.api.hf_hub_download(repo, CARD, revision=head, local_dir=folder)
                before = Path(place).read_text(encoding="utf-8")
            if (after := change(before)) == before:
                return head
            operation = CommitOperationAdd(CARD, after.encode())
            done = self.api.create_commit(
                repo, [operation], commit_message=job.payload["message"], revision=branch, parent_commit=head
            )
            self.quota.spent(repo)
            return str(done.oid)

    def _history(self, repo: str, head: str) -> list[str]:
        return [commit.commit_id for commit in self.api.list_repo_commits(repo, revision=head)]

    def _first_commit(self, repo: str, *, private: bool) -> tuple[str, set[str]]:
        """The first commit of the repository, at which branches start, and the files that stay, such as a licence.

        Creates the repository if it is missing.
        """
        with self._lock:
            if repo not in self._first_commits:
                self.api.create_repo(repo, private=private, exist_ok=True)
                first = self.api.list_repo_commits(repo)[-1].commit_id
                self._first_commits[repo] = first, {*contents.tree(self.api, repo, first), *BESIDE}
            return self._first_commits[repo]

    def _refuse_unless_ours(self, job: Delivery, head: str) -> None:
        payload = job.payload
        if payload["overwrite"]:
            return
        latest = self.api.list_repo_commits(payload["repo"], revision=head)[0]
        ours = MARK if payload["final"] else mark(job)  # a resumed run replaces its own final model
        if ours not in f"{latest.title}\n{latest.message}":
            raise Permanent(
                f"Branch {payload['branch']} of {payload['repo']} holds another revision.",
                "Set plugins.hub_revisions.overwrite_hub_revision=true, or another revision.",
            )

    def _commit(self, job: Delivery, hashes: Mapping[str, str], extra: list[str]) -> str:
        payload = job.payload
        operations: list[Any] = [CommitOperationAdd(CARD, str(payload["card"]).encode())]
        operations += [addition(name, path, hashes[name]) for name, path in job.files.items()]
        self._send_once(payload, operations[1:])
        operations += [CommitOperationDelete(name) for name in extra]
        done = self.api.create_commit(
            payload["repo"],
            operations,
            commit_message=payload["message"],
            commit_description=mark(job),
            revision=payload["branch"],
        )
        self.quota.spent(payload["repo"])
        return str(done.oid)

    def _send_once(self, payload: Mapping[str, Any], additions: list[Any]) -> None:
        """If files of one commit have the same content, upload it once first; the Hub then asks for none of them."""
        one_of_each = {addition.upload_info.sha256: addition for addition in additions}
        if len(one_of_each) < len(additions):
            sent = [*one_of_each.values()]
            self.api.preupload_lfs_files(payload["repo"], sent, revision=payload["branch"], free_memory=False)

    def _differences(self, job: Delivery, commit: str, expected: Mapping[str, str], given: set[str]) -> list[str]:
        """The files of a commit with wrong content; large ones are compared by sha256, small ones by git's hash."""
        found = contents.tree(self.api, job.payload["repo"], commit)
        wrong = [name for name in expected.keys() ^ found.keys() if name not in given - expected.keys()]
        for name in expected.keys() & found.keys():
            is_sha256, digest = found[name]
            want = expected[name]
            if name != CARD and not is_sha256:
                want = contents.git_blob(job.files[name].read_bytes())
            if digest != want:
                wrong.append(name)
        return sorted(wrong)
