"""What `callsheet status` prints: one run in full, several with a line each, or JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from callsheet.cli.views.ages import age
from callsheet.cli.views.columns import aligned
from callsheet.disk.standing import short
from callsheet.screen import cut
from callsheet.session.status import Status


def show(status: Status) -> None:
    """Print all about one run, a fact on each line; commands are never folded."""
    rows = ((fact, value if value in status.commands else cut(value)) for fact, value in _facts(status))
    print("\n".join(aligned(rows, whole=True)))


def show_each(found: Sequence[Status]) -> None:
    """Print a line for each run."""
    rows = [(one.state, _steps(one), _since(one), short(one.run_dir), one.why) for one in found]
    print("\n".join(aligned([("state", "step", "written", "run", "why"), *rows], widest=80)))


def show_json(found: Sequence[Status]) -> None:
    """Print a line of JSON for each run."""
    for one in found:
        facts = {name: cut(value) if isinstance(value, str) else value for name, value in asdict(one).items()}
        print(json.dumps({**facts, "run_dir": str(one.run_dir)}, default=str))


def _facts(status: Status) -> Iterator[tuple[str, str]]:
    yield "run", short(status.run_dir)
    yield "state", status.state
    if status.why:
        yield "why", " ".join(status.why.split())
    yield "step", _steps(status)
    yield "checkpoint", f"{status.checkpoint}, the last complete one" if status.checkpoint else "none is complete"
    if status.outbox:
        carried = ["its courier is at work"] if status.courier else []
        yield "outbox", ", ".join([*(f"{count} {state}" for state, count in status.outbox.items()), *carried])
    yield from (("tracked" if not number else "", each) for number, each in enumerate(_tracked(status)))
    yield "written", _since(status)
    yield from (("go on" if not number else "", command) for number, command in enumerate(status.commands))
    if status.hint and not (status.commands and status.hint.startswith("Nothing")):
        yield "note" if status.commands else "go on", status.hint


def _steps(status: Status) -> str:
    step = "?" if status.step is None else str(status.step)
    return f"{step} of {status.steps}" if status.steps else step


def _tracked(status: Status) -> Iterator[str]:
    return (f"{tracker}: {place}" for tracker, place in status.tracked.items())


def _since(status: Status) -> str:
    return f"{age(time.time() - status.written)} ago" if status.written else ""
