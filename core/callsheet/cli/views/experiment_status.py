"""`callsheet experiment status DIR`: arms by state, who works on what, the expected end, and the verdict so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.cli.views import experiment_table
from callsheet.cli.views.ages import age
from callsheet.disk import os_errors
from callsheet.disk.regular import shown
from callsheet.disk.standing import short
from callsheet.disk.typed import Malformed
from callsheet.errors import CallsheetError, counted, first_line
from callsheet.experiments import results
from callsheet.experiments.places import ACTIVE, ARMS, FAILED, RECORD
from callsheet.experiments.results import Summary
from callsheet.experiments.results.progress import Progress, Work, progress_of
from callsheet.screen import cut, printable
from callsheet.session.going_on import shell
from callsheet.values import dumps

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

REFRESH = 2.0  # seconds between two looks, and ten times as long as one takes
MOST = 12  # arms of one kind that are named
COLOURS = {FAILED: "red", ACTIVE: "cyan"}


@dataclass(frozen=True)
class Look:
    """One look at an experiment; `wrong` says why `experiment.json` could not be read."""

    summary: Summary
    progress: Progress
    wrong: str


def show(directory: Path, *, as_json: bool = False, console: Console | None = None) -> int:
    """Print where the experiment in `directory` stands; on a terminal, as long as somebody works on it.

    Raises `CallsheetError` where there is no experiment. Returns an exit code, 2 where its record is damaged.
    """
    from rich.console import Console

    found = look(directory)
    if as_json:
        print(dumps(record(found)))
    else:
        if console is None:
            console = Console(highlight=False, width=None if sys.stdout.isatty() else experiment_table.WIDE)
        if console.is_terminal and _goes_on(found):
            found = _watch(directory, found, console)
        else:
            for part in parts(found):
                console.print(part)
    return 2 if found.wrong else 0


def look(directory: Path) -> Look:
    """Read the experiment. What of it is damaged is left out, and said."""
    if not directory.is_dir():
        raise CallsheetError(f"There is no folder {shown(directory)}.")
    if not (directory / RECORD).exists() and not (directory / ARMS).is_dir():
        raise CallsheetError(f"{shown(directory)} holds no experiment: it has no {RECORD}.")
    wrong = ""
    try:
        summary = results.of(directory)
    except CallsheetError:
        raise
    except (Malformed, OSError) as error:
        wrong = str(error) if isinstance(error, Malformed) else os_errors.said(error, directory / RECORD)
        with os_errors.at_door():
            summary = results.of(directory, {}, order=("",), experiment_id="unknown")
    with os_errors.at_door():
        return Look(summary, progress_of(directory, summary.arms), wrong)


def record(found: Look) -> dict[str, Any]:
    """All of it, for programs."""
    summary, progress = found.summary, found.progress
    return {
        "directory": shown(summary.directory),
        "name": summary.name,
        "experiment_id": summary.experiment_id,
        "is_over": progress.is_over,
        "counts": progress.counts,
        "working": [asdict(one) for one in progress.working],
        "workers": progress.workers,
        "seconds_left": progress.seconds_left,
        "expected_end": _end(progress),
        "arms": summary.rows,
        "verdict": summary.verdict_record,
        "wrong": found.wrong,
    }


def parts(found: Look) -> Iterator[RenderableType]:
    """What is printed, from top to bottom."""
    from rich.text import Text

    summary, progress = found.summary, found.progress
    yield Text(f"experiment  {printable(summary.name)}  {short(summary.directory)}", style="bold")
    if found.wrong:
        yield Text(cut(printable(f"damaged: {found.wrong}")), style="red")
    yield _counts(progress)
    if not progress.is_over:
        yield Text(_expected(progress))
    if not _goes_on(found) and not progress.is_over:
        yield Text(f"go on       {shell('callsheet', 'experiment', 'resume', short(summary.directory))}")
    yield from _working(progress.working)
    yield from _failed(summary)
    yield Text("")
    if found.wrong:
        yield Text("Who is ahead cannot be said without the record of what is compared.")
        return
    yield from experiment_table.parts(summary)


def _watch(directory: Path, found: Look, console: Console) -> Look:
    """Look again and again; Ctrl-C ends the looking, nothing else."""
    from rich.console import Group
    from rich.live import Live

    try:
        with Live(Group(*parts(found)), console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            live.refresh()
            while _goes_on(found):
                began = time.monotonic()
                time.sleep(REFRESH)
                found = look(directory)
                live.update(Group(*parts(found)), refresh=True)
                time.sleep(max(10 * (time.monotonic() - began - REFRESH) - REFRESH, 0.0))
    except KeyboardInterrupt:
        pass
    return found


def _goes_on(found: Look) -> bool:
    return not found.progress.is_over and found.progress.workers > 0


def _counts(progress: Progress) -> RenderableType:
    from rich.text import Text

    words = [
        Text(f"{count} {state}", style=COLOURS.get(state, "")) for state, count in progress.counts.items() if count
    ]
    return Text("arms        ") + Text(", ").join(words) if words else Text("arms        none")


def _expected(progress: Progress) -> str:
    workers = counted(progress.workers, "worker")
    if not progress.workers:
        return "end         nobody works on it"
    if progress.seconds_left is None or progress.each is None:
        return f"end         unknown until an arm is done; {workers}"
    return f"end         in about {age(progress.seconds_left)}: {age(progress.each)} an arm, {workers}"


def _end(progress: Progress) -> str | None:
    if progress.seconds_left is None:
        return None
    return datetime.fromtimestamp(time.time() + progress.seconds_left, UTC).isoformat(timespec="seconds")


def _working(working: tuple[Work, ...]) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    table = Table("at work", "since", "worker", "", box=None, pad_edge=False, header_style="dim")
    for one in working[:MOST]:
        since = "" if one.seconds is None else age(one.seconds)
        state = "it is gone" if one.lives is False else ""
        table.add_row(*(Text(printable(cell)) for cell in (one.arm, since, one.worker)), Text(state, style="red"))
    if working:
        yield table
    if (more := len(working) - MOST) > 0:
        yield Text(f"… and {more} more")


def _failed(summary: Summary) -> Iterator[RenderableType]:
    from rich.text import Text

    missing = [*summary.missing.items()]
    for name, why in missing[:MOST]:
        yield Text.assemble((printable(name), "red"), f"  {cut(printable(first_line(why)))}")
    if (more := len(missing) - MOST) > 0:
        yield Text(f"… and {more} more without a score")
