"""How much of an outbox is published, and how to say it."""

from __future__ import annotations

from pathlib import Path

from callsheet.outbox.store import DONE, FAILED, PARKED, EntryStore

NOT_ALL_PUBLISHED = 3


def unpublished(counts: dict[str, int]) -> int:
    return counts.get("left", 0) + counts.get("failed", 0)


def left_to_you(counts: dict[str, int], run: Path) -> str:
    """What is in the user's own hands, and how to go on; empty when nothing is."""
    if not (parked := counts.get("parked", 0)):
        return ""
    return f"{parked} left to you: callsheet outbox {run} says what to do, then callsheet outbox drain {run}"


def sentence(counts: dict[str, int], run: Path) -> str:
    """What is not published, and what helps; empty when all is."""
    parts = []
    if left := counts.get("left", 0):
        parts.append(f"{left} left, kept for: callsheet outbox drain {run}")
    if failed := counts.get("failed", 0):
        parts.append(f"{failed} failed; callsheet outbox {run} says why, callsheet outbox retry {run} ID tries again")
    return f"Not everything is published: {'; '.join(parts)}" if parts else ""


def counts_of(run_dir: Path) -> dict[str, int]:
    """How many entries are done, left, failed and, if any, parked; nothing where none was ever put."""
    store = EntryStore(run_dir)
    if not store.folder.is_dir():
        return {}
    left = {*store.drafts(), *store.left()}
    counts = {"done": len(store.ids(DONE)), "left": len(left), "failed": len(store.ids(FAILED))}
    return {**counts, **({"parked": len(parked)} if (parked := store.ids(PARKED)) else {})}
