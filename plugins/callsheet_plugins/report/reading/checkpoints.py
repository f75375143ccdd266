"""The checkpoints of a run: when each was saved, published and scored, and whether it is still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.rundir.rundir import CHECKPOINTS
from callsheet_plugins.report.reading.lines import Log, Say, whole
from callsheet_plugins.report.reading.scores import Score
from callsheet_plugins.report.telling.times import seconds_of

ANNOUNCED = "outbox/announced.jsonl"
MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Published:
    """A revision of a checkpoint. `time` says when the outbox had carried it out, None if nothing tells."""

    commit: str
    branch: str
    repo: str
    weights: str
    step: int | None
    url: str = ""
    time: float | None = None
    scored: Sequence[float] = ()


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was complete once. Times are seconds since 1970; `size` is in bytes.

    `saved` is when it was put into the outbox. If it was not, that is the time of its files, which a copy may have
    changed, and None where they are gone.
    """

    name: str
    step: int
    epoch: float | None
    saved: float | None
    is_there: bool
    size: int
    revisions: Sequence[Published] = field(default_factory=tuple)

    @property
    def scored(self) -> list[float]:
        """When scores of its revisions came."""
        return sorted(time for revision in self.revisions for time in revision.scored)


def checkpoints(inside: Inside, found: Iterable[Score], say: Say) -> list[Checkpoint]:
    """By step. A later row of a name takes the place of an earlier one; rows with a revision add to it."""
    complete: dict[str, Mapping[str, Any]] = {}
    revisions: dict[str, dict[str, Mapping[str, Any]]] = {}
    log = Log(inside, CHECKPOINTS, say, MOST_BYTES)
    for row in log.rows():
        name, revision = row.get("name"), row.get("revision")
        if isinstance(name, str) and isinstance(revision, Mapping):
            revisions.setdefault(name, {})[str(revision.get("commit"))] = revision
        elif isinstance(name, str) and isinstance(row.get("files"), Mapping) and whole(row.get("step")) is not None:
            complete[name] = {**complete.get(name, {}), **row}  # the first of its rows alone has its entries
        else:
            log.left_out()
    scored: dict[str, list[float]] = {}
    for score in found:
        if score.commit and score.time is not None:
            scored.setdefault(score.commit, []).append(score.time)
    heard = _heard(inside, say) if revisions else {}
    made = [_checkpoint(inside, row, revisions.get(name, {}).values(), scored, heard) for name, row in complete.items()]
    return sorted(made, key=lambda one: one.step)


def _checkpoint(
    inside: Inside,
    row: Mapping[str, Any],
    revisions: Iterable[Mapping[str, Any]],
    scored: Mapping[str, Sequence[float]],
    heard: Mapping[str, float],
) -> Checkpoint:
    written, entries = _written(inside, row["name"]), _entries(row)
    put = [time for _, time in entries.values() if time is not None]
    times = {branch: heard[id] for branch, (id, _) in entries.items() if id in heard}
    sizes = (each.get("size") for each in row["files"].values() if isinstance(each, Mapping))
    return Checkpoint(
        row["name"],
        row["step"],
        row.get("epoch") if isinstance(row.get("epoch"), (int, float)) else None,
        min(put, default=written),
        written is not None,
        sum(size for size in sizes if isinstance(size, int)),
        tuple(_published(revision, scored, times) for revision in revisions),
    )


def _published(
    revision: Mapping[str, Any], scored: Mapping[str, Sequence[float]], published: Mapping[str, float]
) -> Published:
    def text(name: str) -> str:
        return str(revision.get(name) or "")

    known = whole(revision.get("step"))
    branch, commit = text("branch"), text("commit")
    times = tuple(sorted({*scored.get(commit, ())}))
    about = (commit, branch, text("repo"), text("weights"), known, text("url"))
    return Published(*about, published.get(branch), times)


def _entries(row: Mapping[str, Any]) -> dict[str, tuple[str, float | None]]:
    """Of the outbox entries that publish this checkpoint, by branch, the id and when each was put."""
    entries, found = row.get("entries"), dict[str, tuple[str, float | None]]()
    for entry in entries if isinstance(entries, list) else ():
        payload = entry.get("payload") if isinstance(entry, Mapping) else None
        if isinstance(payload, Mapping) and payload.get("checkpoint") == row["name"]:
            found[str(payload.get("branch"))] = str(entry.get("id")), seconds_of(entry.get("put_at"))
    return found


def _heard(inside: Inside, say: Say) -> dict[str, float]:
    """When the run heard that an outbox entry was carried out, by its id."""
    rows = ((str(row.get("id")), seconds_of(row.get("time"))) for row in Log(inside, ANNOUNCED, say, MOST_BYTES).rows())
    return {id: time for id, time in rows if time is not None}


def _written(inside: Inside, name: str) -> float | None:
    """The time of its files; None where they are gone."""
    try:
        found = inside.stat(f"{name}/trainer_state.json") or inside.stat(name)
    except OSError:
        return None
    return found.st_mtime if found else None
