"""Deletes branches that a run no longer keeps, in the courier, once no entry needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from callsheet.outbox import Delivery, Entry, Transient
from callsheet_plugins.hub_revisions.courier.payloads import PrunePayload, checked
from callsheet_plugins.hub_revisions.courier.publish import RevisionHandler

AGAIN_SECONDS = 10.0


class PruneHandler(RevisionHandler):
    """Carries out entries of kind `hub_prune`, which are put when a newer revision was announced."""

    parallel: ClassVar[int] = 1

    def deliver(self, job: Delivery) -> Mapping[str, Any]:
        payload = checked(job.payload, PrunePayload)
        if newer := [entry.id for entry in job.queued() if _is_newer(entry, job.entry)]:
            return {"left_to": newer[-1]}  # else each of a thousand entries would read all others
        if not (old := self._branches.old(payload["weights"], payload["prune"])):
            return {"pruned": []}
        heard = job.announced()
        unheard = {name for name, row in old.items() if row.get("entry") not in heard}
        # List pending twice: an entry may move back from active while active is listed.
        wanted, parked = _commits(job.entries("pending", "active", "pending")), _commits(job.entries("parked"))
        waiting = unheard | {name for name, row in old.items() if row.get("commit") in wanted}
        gone = [name for name, row in old.items() if name not in waiting and row.get("commit") not in parked]
        for branch in gone:
            self._hub(payload).delete(job, branch)
            self._branches.forget(branch)
        if waiting:
            said = f"{min(waiting)} is kept until all outbox entries for it are done."
            raise Transient(said, retry_after=AGAIN_SECONDS, counts=False)
        return {"pruned": gone}


def _commits(entries: Iterable[Entry]) -> set[str]:
    """The commits that entries without files of their own need, such as jobs that score a revision."""
    return {str(entry.payload["commit"]) for entry in entries if entry.payload.get("commit") and not entry.files}


def _is_newer(entry: Entry, than: Entry) -> bool:
    return entry.put_at > than.put_at and entry.payload.get("weights") == than.payload["weights"]
