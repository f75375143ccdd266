"""`callsheet report RUN --publish`: from the page to its place beside the revision, through the outbox of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from callsheet.disk.regular import shown
from callsheet.errors import CallsheetError
from callsheet.outbox.counts import NOT_ALL_PUBLISHED, counts_of, sentence
from callsheet.rundir.rundir import RUN
from callsheet.session.reopen import reopened
from callsheet_plugins.report.page.writing import NAME
from callsheet_plugins.report.publishing.handler import KIND
from callsheet_plugins.report.publishing.places import Place, place_of


@dataclass(frozen=True)
class Sent:
    """What came of it: where the page is, or why it is not there yet."""

    url: str = ""
    left: str = ""

    @property
    def exit_code(self) -> int:
        return 0 if self.url else NOT_ALL_PUBLISHED


def place_for(paths: Sequence[Path]) -> tuple[Path, Place]:
    """The one run that is published, and where to. Raises `CallsheetError` before a page is made for nothing."""
    if len(paths) > 1 or not (paths[0] / RUN).is_file():
        what = f"these are {len(paths)} paths" if len(paths) > 1 else f"{shown(paths[0])} is none"
        raise CallsheetError(f"--publish takes one run, beside whose revision its page goes; {what}.")
    run = paths[0].absolute()
    return run, place_of(run)


def publish(run: Path, place: Place, page: Path, seconds: float) -> Sent:
    """Put the page into the outbox of the run, which has ended, and carry that out for at most `seconds`.

    The same content to the same place makes one entry. Raises `CallsheetError` where the run is at work.
    """
    key = f"{place.repo}@{place.branch}:{sha256(page.read_bytes()).hexdigest()}"
    with reopened(run, seconds, "publishing its report") as ctx:
        id = ctx.outbox.put(KIND, place.payload, files={NAME: page}, key=key)
        ctx.outbox.retry(id)
        store = ctx.outbox.store
    entry = store.read("done", id)
    if entry and entry.result:
        return Sent(url=str(entry.result.get("url", "")))
    return Sent(left=sentence(counts_of(run), run))
