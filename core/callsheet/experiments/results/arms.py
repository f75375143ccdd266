"""The arms of an experiment with what came of them: the queue says how each ended, its run directory the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from callsheet.disk.inside import Inside
from callsheet.errors import CallsheetError
from callsheet.experiments.queue import Entry, Queue
from callsheet.experiments.queue.records import FAILED, UNREADABLE
from callsheet.results import ArmResult
from callsheet.rundir.rundir import RunDir
from callsheet.session.recorded import arm as run_records

CALLED = "the experiment's directory"
STARTED = ("done", "failed", "active")


@dataclass(frozen=True)
class Known:
    """One arm: where it lies in the queue, what the queue says of it, and its result."""

    state: str
    entry: Entry
    result: ArmResult


def known_arms(directory: Path, order: Sequence[str], ids: Mapping[str, str]) -> list[Known]:
    """All arms in `order`, then those that it does not name, by name. Raises OSError where there is no queue."""
    entries = [*Queue(directory).entries()]
    places = {name: place for place, name in enumerate(order)}
    entries.sort(key=lambda found: (places.get(found[1].name, len(places)), found[1].name))
    seeds = _seeds(entry for _, entry in entries)
    return [Known(state, entry, _result(directory, state, entry, seeds, ids)) for state, entry in entries]


def finals(arms: Iterable[Known]) -> list[Known]:
    """Those whose weights no other arm begins with: of a chain of stages, the last."""
    found = [*arms]
    before = {arm.entry.after for arm in found}
    return [arm for arm in found if arm.entry.name not in before]


def _result(
    directory: Path, state: str, entry: Entry, seeds: Mapping[str, Sequence[int]], ids: Mapping[str, str]
) -> ArmResult:
    status = FAILED if entry.status == UNREADABLE else entry.status or ""
    arm = ArmResult(
        entry.name,
        group=entry.group,
        repeat=0 if entry.seed is None else seeds[entry.method].index(entry.seed),
        config=entry.differs,
        status=status,
        error=entry.error if status else None,
        group_id=ids.get(f"group:{entry.group}"),
        method=entry.method,
        seed=entry.seed,
        stage=entry.stage,
        weights=entry.weights,
    )
    return _with_run(arm, directory) if state in STARTED or entry.attempts else arm


def _with_run(arm: ArmResult, directory: Path) -> ArmResult:
    """`arm` with what its run directory says; where that cannot be read, with why."""
    try:
        Inside(directory, CALLED).refuse_link(arm.name)
        found = run_records.recorded(arm, RunDir(directory / arm.name, is_main=False))
    except (CallsheetError, OSError) as error:
        return replace(arm, error=arm.error or f"Its run cannot be read: {error}")
    return found if arm.status else replace(found, status="", result=None)  # it is not over


def _seeds(entries: Iterable[Entry]) -> dict[str, list[int]]:
    found: dict[str, set[int]] = {}
    for entry in entries:
        if entry.seed is not None:
            found.setdefault(entry.method, set()).add(entry.seed)
    return {method: sorted(seeds) for method, seeds in found.items()}
