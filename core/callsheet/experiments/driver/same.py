"""Whether what is asked for is the experiment that lies in a directory, and what of it may change on the way."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from callsheet.config.overrides import as_typed
from callsheet.errors import CallsheetError, listed
from callsheet.experiments.driver.record import Record, read
from callsheet.experiments.places import ARMS, JOURNAL, LOGS, RECORD, REPLACED, REPORT, WORKERS
from callsheet.experiments.queue import Entry
from callsheet.rundir import versions
from callsheet.rundir.again.changes import flat
from callsheet.rundir.again.reuse import OF_OTHERS, occupant_problems
from callsheet.rundir.rundir import EVENTS, RUN
from callsheet.screen import quoted

# Settings that add arms, or say where and how long they run; whether an arm changed, its digest tells.
FREE = re.compile(r"(arms|matrix|overrides|budget)(\..*)?|repeats|workers|search\.trials|sequential\.max_repeats")
# What is asked of the arms. Once one of them has a score, the question may not follow the answer.
ASKED = re.compile(r"success_metric|direction|benchmarks(\..*)?")
OWN = (ARMS, JOURNAL, LOGS, RECORD, REPLACED, REPORT, WORKERS, EVENTS)
ANOTHER = "begin another experiment: experiment.name=…"
Changes = tuple[Sequence[str], Sequence[str]]
OF_ITSELF = "experiment."  # settings that are compared as such
MOST_SHOWN = 5  # settings and arms that a message names


def require_version(record: Record, folder: Path) -> None:
    """Raise `CallsheetError` where another version of Callsheet began the experiment."""
    if record.callsheet != (here := versions.this_one()):
        raise CallsheetError(
            f"The experiment in {folder} was begun by Callsheet {record.callsheet}, and this is {here}: its arms would "
            f"not be comparable. Go on with that version (pip install callsheet=={record.callsheet}), or {ANOTHER}"
        )


def require_settings(record: Record, settings: Mapping[str, Any], folder: Path) -> None:
    """Raise `CallsheetError` where a setting differs that decides what the experiment shows."""
    before, now = flat(record.settings), flat(settings)
    is_scored = any(row.get("score") is not None for row in record.arms)
    differ = [
        f"experiment.{name} is {quoted(before.get(name))} there and {quoted(now.get(name))} here"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name) and not FREE.fullmatch(name) and (is_scored or not ASKED.fullmatch(name))
    ]
    if differ:
        raise CallsheetError(f"{folder} holds another experiment: {_some(differ)}. Write it back, or {ANOTHER}")


def require_baseline(record: Record, asked: Sequence[Entry], folder: Path) -> None:
    """Raise `CallsheetError` where an arm that was added in front would become what the others are compared with."""
    before = next((str(row.get("method")) for row in record.arms), asked[0].method)
    if record.settings.get("baseline") is None and asked[0].method != before:
        raise CallsheetError(
            f"The arms of {folder} are compared with {before}, the first one, and {asked[0].method} stands before it "
            f"now. Move it behind {before}, or {ANOTHER}"
        )


def require_arms(
    asked: Sequence[Entry], there: Sequence[Entry], folder: Path, rerun: Collection[str], common: Changes = ((), ())
) -> None:
    """Raise `CallsheetError` for arms that changed, or are gone from the experiment's file.

    `common` are the overrides of all arms, before and now.
    """
    now = {entry.name: entry for entry in asked}
    gone = [entry.name for entry in there if entry.name not in now and entry.name not in rerun]
    if gone:
        raise CallsheetError(
            f"{folder} holds {_arms(gone)}, which the experiment no longer has: what it shows would depend on which "
            f"arms are left out. Write them back, or {ANOTHER}"
        )
    before = {entry.name: entry for entry in there if entry.name not in rerun}
    changed = [name for name in now if name in before and _differs(before[name], now[name])]
    if changed:
        said = [*_lines(*common)] or [_change(before[name], now[name]) for name in changed]
        what = "is another run" if len(changed) == 1 else "are other runs"
        raise CallsheetError(
            f"{folder} holds {_arms(changed)}, which {what} by now: "
            f"{_some(said)}. Write it back, run what changed again (--rerun ARM, for each), or {ANOTHER}"
        )


def _differs(before: Entry, now: Entry) -> bool:
    return None not in (before.digest, now.digest) and before.digest != now.digest


def _change(before: Entry, now: Entry) -> str:
    """What is different about an arm, by its overrides; or else by what it differs in from others."""
    said = [*_lines(before.overrides, now.overrides)]
    return f"{before.name} ({_some(said)})" if said else f"{before.name} (a file that it is composed from has changed)"


def _lines(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    was, is_now = (dict(map(_pair, overrides)) for overrides in (before, now))
    for key in sorted({*was, *is_now}):
        if was.get(key) != is_now.get(key) and not key.startswith(OF_ITSELF):
            yield f"{key} was {was.get(key, 'not set')} and is {is_now.get(key, 'not set')}"


def _pair(override: str) -> tuple[str, str]:
    key, _, value = as_typed(override).partition("=")
    return key, value


def _arms(names: Sequence[str]) -> str:
    return f"the arm {names[0]}" if len(names) == 1 else f"the arms {listed(names)}"


def _some(said: Sequence[str]) -> str:
    more = len(said) - MOST_SHOWN
    return "; ".join(said[:MOST_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def refuse_taken(folder: Path) -> None:
    """Raise `CallsheetError` where no experiment can begin, nor go on, in `folder`, whatever its arms are."""
    if (found := read(folder)) is None:
        refuse_occupied(folder)
    else:
        require_version(found, folder)


def refuse_occupied(folder: Path) -> None:
    """Raise `CallsheetError` where a new experiment would lie among files of somebody else, or in a run.

    Runs and experiments may lie there: `outputs/NAME` is also the folder of plain runs of that name.
    """
    if (folder / RUN).exists():
        raise CallsheetError(f"{folder} is the directory of a run. Begin the experiment elsewhere, or {ANOTHER}")
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    if foreign := [path.name for path in found if not _may_lie(path)]:
        named = listed(foreign)
        raise CallsheetError(
            f"{folder} is not empty and holds no experiment, but {named}. Choose another folder, or {ANOTHER}"
        )


def _may_lie(path: Path) -> bool:
    if path.name in OWN or path.name.startswith(".") or OF_OTHERS.search(path.name):
        return True
    if not path.is_dir():
        return False
    return not occupant_problems(path, "auto") or (path / RECORD).exists() or any(path.glob(f"*/{RUN}"))
