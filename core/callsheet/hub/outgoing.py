"""What is done with all that is about to leave for the Hub: nothing holds a secret, and a commit says whose it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from callsheet.outbox import Delivery, Permanent
from callsheet.secrets import secret_in

# What may stand beside the files of a revision without being part of it: the page of its run.
BESIDE = frozenset({"report.html"})
MARK = "Callsheet entry "  # in the description of each commit of ours


def refuse_secrets(what: str, repo: str, files: Mapping[str, Path | str], remedy: str) -> None:
    """Raise `Permanent` if one of `files` holds a secret, however it came there: nothing takes back what left.

    `what` is published to `repo`; the names of both are looked at, too.
    """
    if found := secret_in({"the branch": what, "the repository": repo, **files}):
        raise Permanent(f"{what} is not published to {repo}: {found}.", remedy)


def mark(job: Delivery) -> str:
    """A text that marks a commit as one of this entry, and not of another run."""
    return f"{MARK}{job.entry.id} of {job.entry.put_at:.6f}"


def set_variables() -> None:
    """Say how huggingface_hub works; it reads this when it is imported.

    With Xet, one upload may become several commits.
    """
    os.environ.update(HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_TELEMETRY="1")
