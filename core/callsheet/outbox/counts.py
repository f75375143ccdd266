"""How much of an outbox is published, and how to say it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from callsheet.errors import counted, listed, sentences
from callsheet.outbox.store import ANNOUNCED, DONE, FAILED, PARKED, STATES, EntryStore
from callsheet.rundir.revisions import revision_of
from callsheet.rundir.rundir import CHECKPOINTS, RunDir, now

NOT_ALL_PUBLISHED = 3


def unpublished(counts: dict[str, int]) -> int:
    """How many entries are not carried out, or carried out and not announced."""
    return sum(counts.get(state, 0) for state in ("left", "failed", "aside", "unannounced"))


def settled(run_dir: RunDir) -> dict[str, dict[str, Any]]:
    """What became of the announcement of each entry that was announced, or put aside with an "error"."""
    return {str(row.get("id")): row for row in run_dir.rows(ANNOUNCED)}


def put_aside(run_dir: Path) -> list[str]:
    """The entries that are done, and whose results could not be announced."""
    told = settled(RunDir(run_dir, is_main=False))
    return [id for id in EntryStore(run_dir).ids(DONE) if told.get(id, {}).get("error")]


def announce_again(run_dir: Path, ids: Sequence[str]) -> Sequence[str]:
    """Have these announced by who next opens the run, which may be a drain; returns them. Raises OSError."""
    for id in ids:
        RunDir(run_dir).append(ANNOUNCED, {"id": id, "time": now(), "again": True}, durable=True)
    return ids


def left_to_you(counts: dict[str, int], run: Path) -> str:
    """What is in the user's own hands, and how to go on; empty when nothing is."""
    if not (parked := counts.get("parked", 0)):
        return ""
    return f"{parked} left to you: callsheet outbox {run} says what to do, then callsheet outbox drain {run}"


def sentence(counts: dict[str, int], run: Path) -> str:
    """What is not published, or published and not announced, and what helps; empty when all is."""
    parts = []
    if left := counts.get("left", 0):
        parts.append(f"{left} left, kept for: callsheet outbox drain {run}")
    if failed := counts.get("failed", 0):
        parts.append(f"{failed} failed; callsheet outbox {run} says why, callsheet outbox retry {run} ID tries again")
    untold = []
    if aside := counts.get("aside", 0):
        said = f"{aside} put aside; callsheet outbox {run} says why"
        untold.append(f"{said}, callsheet outbox retry {run} ID and then callsheet outbox drain {run} try again")
    if new := counts.get("unannounced", 0):
        untold.append(f"{new} left, kept for: callsheet outbox drain {run}")
    published = f"Not everything is published: {'; '.join(parts)}" if parts else ""
    return sentences(published, f"Not everything is announced: {'; '.join(untold)}" if untold else "")


def gone_of(run_dir: Path) -> str:
    """That folders of revisions are not there any more, in a sentence; empty where all are, or lie on a Hub.

    A revision that its plugin pruned is gone, too: the files do not tell who removed it.
    """
    rows = RunDir(run_dir, is_main=False).rows(CHECKPOINTS, holding="revision")
    found = [revision_of(row["revision"], run_dir) for row in rows if row.get("revision")]
    names = sorted({each.branch for each in found if each.path and not each.path.is_dir()})
    is_gone = "is" if len(names) == 1 else "are"
    return f"{counted(len(names), 'revision')} {is_gone} gone since: {listed(names)}." if names else ""


def by_kind(run_dir: Path) -> dict[str, dict[str, int]]:
    """How many entries of each kind are pending, active, parked, done and failed, as the names of their files tell.

    Nothing is read or locked, so it may be asked every few seconds, also from a thread beside the training loop.
    """
    store = EntryStore(run_dir)
    found: dict[str, dict[str, int]] = {}
    for state in STATES if store.folder.is_dir() else ():
        for id in store.ids(state):
            counts = found.setdefault(id.partition("-")[0], dict.fromkeys(STATES, 0))
            counts[state] += 1
    return dict(sorted(found.items()))


def counts_of(run_dir: Path) -> dict[str, int]:
    """How many entries are done, left, failed and, if any, parked; nothing where none was ever put.

    Of those done, `unannounced` ones are still to be announced, and `aside` are those that cannot be.
    """
    store = EntryStore(run_dir)
    if not store.folder.is_dir():
        return {}
    left = {*store.drafts(), *store.left()}
    done, told = store.ids(DONE), settled(RunDir(run_dir, is_main=False))
    counts = {"done": len(done), "left": len(left), "failed": len(store.ids(FAILED))}
    aside = sum(bool(told.get(id, {}).get("error")) for id in done)
    new = sum(id not in told or bool(told[id].get("again")) for id in done)
    more = {"parked": len(store.ids(PARKED)), "aside": aside, "unannounced": new}
    return counts | {state: number for state, number in more.items() if number}
