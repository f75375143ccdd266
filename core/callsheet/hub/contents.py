"""What a branch of the Hub holds: its head, and its files by hash."""

from __future__ import annotations

import hashlib

from huggingface_hub import HfApi


def head(api: HfApi, repo: str, branch: str) -> str | None:
    """The newest commit of a branch, or None if there is no such branch."""
    heads = {ref.name: ref.target_commit for ref in api.list_repo_refs(repo).branches}
    return heads.get(branch)


def tree(api: HfApi, repo: str, commit: str) -> dict[str, tuple[bool, str]]:
    """Each file of a commit with its hash, and whether that is a sha256; else it is the one of `git_blob`."""
    files = {}
    for entry in api.list_repo_tree(repo, recursive=True, revision=commit):
        if (blob := getattr(entry, "blob_id", None)) is not None:
            lfs = getattr(entry, "lfs", None)
            files[entry.path] = (True, str(lfs.sha256)) if lfs else (False, str(blob))
    return files


def git_blob(content: bytes) -> str:
    """The hash that git gives to a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
