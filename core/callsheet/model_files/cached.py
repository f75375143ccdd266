"""Models of the Hub as they lie in the cache of this machine, found without a request."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

COMMIT = re.compile(r"[0-9a-f]{40}")


def snapshot(id: str, revision: str | None = None) -> Path | None:
    """The folder in which huggingface_hub keeps what it has fetched of a model, which may be a part; None without any.

    The files are those of `revision` as it was when somebody asked last.
    """
    wanted = commit = revision or "main"
    with suppress(OSError, ValueError):
        commit = (_folder(id) / "refs" / wanted).read_text(encoding="utf-8").strip()
    found = _folder(id) / "snapshots" / commit
    return found if found.is_dir() else None


def is_known(id: str) -> bool:
    """Whether anything of a model was ever fetched."""
    return _folder(id).is_dir()


def is_settled(revision: str | None) -> bool:
    """Whether a run gets the very files that the cache has: of a commit, or because it asks nobody for newer ones."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE) or COMMIT.fullmatch(revision or "") is not None


def _folder(id: str) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{id.replace('/', '--')}"
