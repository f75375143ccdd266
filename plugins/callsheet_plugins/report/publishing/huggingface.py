"""The page of a run in one commit on the branch of its revision, looked at before and after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, set_client_factory

from callsheet.hub import client, contents
from callsheet.hub.explained import explained
from callsheet.hub.outgoing import mark
from callsheet.hub.quota import Quota
from callsheet.outbox import Delivery, Transient
from callsheet.privates.huggingface_hub import addition
from callsheet_plugins.report.page.writing import NAME

MESSAGE = "Report of the run"


def put(job: Delivery, repo: str, branch: str, page: Path, sha256: str, quota: Quota) -> Mapping[str, Any]:
    """Have the branch hold the page, however often this is called; makes what is missing of repository and branch."""
    set_client_factory(lambda: client.make_client(float(job.payload["timeout_seconds"])))
    api = HfApi()
    with explained(repo, branch):
        api.create_repo(repo, private=bool(job.payload["private"]), exist_ok=True)
        if (head := contents.head(api, repo, branch)) is None:
            api.create_branch(repo, branch=branch, exist_ok=True)
            head = contents.head(api, repo, branch)
        if head is None or not _holds(api, repo, head, page, sha256):
            made = api.create_commit(
                repo,
                [addition(NAME, page, sha256)],
                commit_message=MESSAGE,
                commit_description=mark(job),
                revision=branch,
                parent_commit=head,
            )
            quota.spent(repo)
            head = str(made.oid)
            if not _holds(api, repo, head, page, sha256):
                raise Transient(f"{repo}@{branch}: {NAME} arrived with another content.")
    return {"commit": head, "url": f"{api.endpoint}/{repo}/blob/{branch}/{NAME}"}


def _holds(api: HfApi, repo: str, commit: str, page: Path, sha256: str) -> bool:
    is_sha256, found = contents.tree(api, repo, commit).get(NAME, (False, ""))
    return found == (sha256 if is_sha256 else contents.git_blob(page.read_bytes()))
