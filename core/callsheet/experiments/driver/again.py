"""Arms that are run again: their old runs are moved aside, and what began with their weights is run again, too."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from callsheet.disk.inside import Inside
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.experiments.driver.record import CALLED
from callsheet.experiments.places import ACTIVE, REPLACED, WORKERS
from callsheet.experiments.queue import Claim, Entry, Queue, holders
from callsheet.experiments.queue.leases import Lease, Watch
from callsheet.rundir import versions
from callsheet.rundir.liveness import look

MOST_NAMED = 10


def with_heirs(names: Collection[str], arms: Collection[Entry]) -> list[str]:
    """`names`, and the later stages that begin with their weights, in the order of the arms.

    Raises `CallsheetError` for a name that no arm has.
    """
    known = {arm.name for arm in arms}
    for name in names:
        if name not in known:
            raise CallsheetError(f"--rerun {name}: {_unknown(name, arms)}")
    found = {*names}
    for arm in arms:  # a stage stands behind the one that it comes after
        if arm.after in found:
            found.add(arm.name)
    return [arm.name for arm in arms if arm.name in found]


def _unknown(name: str, arms: Collection[Entry]) -> str:
    """What to say of a name that no run has; an arm with repeats or stages is several runs."""
    runs = [arm.name for arm in arms if arm.method == name]
    if runs:
        more = f" and {len(runs) - MOST_NAMED} more" if len(runs) > MOST_NAMED else ""
        return f"name its runs, with a --rerun for each: {', '.join(runs[:MOST_NAMED])}{more}."
    return f"there is no such arm.{did_you_mean(name, [arm.name for arm in arms])}"


def require_idle(names: Collection[str], queue: Queue) -> None:
    """Raise `CallsheetError` where a worker has one of these arms in hand."""
    states = queue.states()
    busy = {claim.name: claim.worker for claim in queue.claims()}
    for name in names:
        if states.get(name) == ACTIVE and not _is_dead(busy.get(name, ""), queue):
            raise CallsheetError(f"--rerun {name}: worker {busy.get(name, 'unknown')} works on it. Stop it first.")
        if look(queue.root / name).alive:
            raise CallsheetError(f"--rerun {name}: a process still trains in {queue.root / name}. Stop it first.")


def _is_dead(worker: str, queue: Queue) -> bool:
    holder = holders.read(queue.root, worker) if worker else None
    return bool(holder and holders.is_gone(holder))


def rerun(names: Collection[str], arms: Mapping[str, Entry], queue: Queue) -> Iterator[tuple[str, Path | None]]:
    """Make these arms pending, as `arms` has them; yields each with the place of its old run, if there was one.

    The old run is moved first: a worker that looks in takes an arm that is pending, and would find its run complete.
    Raises `CallsheetError` for an arm that a worker has taken since it was idle.
    """
    for name in names:
        with _known_as_holder(queue) as me:
            Watch(queue, me, Lease()).give_back_lost()  # of a worker, or a driver, that was killed
            claim = _taken(queue, name, me)
            aside = _move_aside(queue.root, name)
            _make_pending(queue, arms[name], claim)
        yield name, aside


@contextmanager
def _known_as_holder(queue: Queue) -> Iterator[str]:
    """The name under which this driver claims; its file tells which process it is, and so when it is dead."""
    me = holders.this_process(versions.this_one())
    queue.inside.make(queue.root / WORKERS)
    holders.write(queue.root, me)
    try:
        yield me.id
    finally:
        queue.inside.remove(holders.path_of(queue.root, me.id))


def _taken(queue: Queue, name: str, me: str) -> Claim | None:
    """Our claim on an arm that is pending, whose run a worker might begin, or go on with, while it is moved."""
    claim = queue.claim(name, me, 1)
    if claim is None:
        require_idle([name], queue)
    return claim


def _move_aside(root: Path, name: str) -> Path | None:
    inside = Inside(root, CALLED)
    if inside.stat(name) is None:
        return None
    inside.make(REPLACED)
    places = (root / REPLACED / f"{name}-{number}" for number in itertools.count(1))
    aside = next(place for place in places if inside.stat(place) is None)
    inside.rename(name, aside, durable=True)
    return aside


def _make_pending(queue: Queue, arm: Entry, claim: Claim | None) -> None:
    if claim:
        queue.give_back(claim, arm)
    elif (state := queue.states().get(arm.name)) is None:
        queue.add(arm)
    else:
        queue.put_again(arm, state)
