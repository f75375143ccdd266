"""What `callsheet status` prints: one run on one screen, several with a line each, or JSON."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from math import inf

from callsheet.cli.views.ages import age
from callsheet.cli.views.columns import aligned
from callsheet.disk.standing import short
from callsheet.errors import counted
from callsheet.screen import cut, in_a_line
from callsheet.session.status import Status
from callsheet.values import dumps
from callsheet_plugins.report.glance import words
from callsheet_plugins.report.glance.colours import of_state
from callsheet_plugins.report.glance.fitting import Cells, columns_of_the_screen, fitted
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.glance.single import facts
from callsheet_plugins.report.glance.single.facts import best_of, last_of
from callsheet_plugins.report.glance.single.record import record

HEADER = ("state", "step", "written", "run", "why")
WIDEST = 80
INDENT = 12  # columns before a fact
MOST_LINES = 3  # of one fact
COPIED = ("run", "tracked", "go on", "note", "")  # facts that hold a path, a page or a command
FEW = 3  # scores, plugins and trackers that are named


def show(status: Status, glance: Glance) -> None:
    """Print all about one run, a fact on each line; what is to be copied is never folded."""
    room = columns_of_the_screen()
    for name, fact in _facts(status, glance):
        is_copied = name in COPIED or fact in status.commands
        text = in_a_line(fact if fact in status.commands else cut(fact))
        print("\n".join(_folded(name, text, inf if is_copied else room)))


def show_each(found: Sequence[Status]) -> None:
    """Print a line for each run."""
    rows = [(one.state, _steps(one), _since(one), short(one.run_dir), one.why) for one in found]
    if (room := columns_of_the_screen()) == inf:
        print("\n".join(aligned([HEADER, *rows], widest=WIDEST)))
        return
    states, steps, since, runs, whys = zip(*rows, strict=True)
    columns = [
        Cells("state", states, 1, style=of_state),
        Cells("step", steps, 2),
        Cells("written", since, 4),
        Cells("run", runs, 0, least=24, is_cut_in_the_middle=True),
        Cells("why", whys, 3, least=20),
    ]
    print("\n".join(fitted(columns, room)[0]))


def show_json(found: Sequence[Status], glances: Sequence[Glance]) -> None:
    """Print a line of JSON for each run."""
    for status, glance in zip(found, glances, strict=True):
        print(dumps(record(status, glance)))


def _facts(status: Status, glance: Glance) -> Iterator[tuple[str, str]]:
    yield "run", short(status.run_dir)
    yield "state", status.state
    if status.why:
        yield "why", " ".join(status.why.split())
    if glance.arm:
        yield "arm", _arm(glance)
    yield "step", _steps(status)
    yield from ((name, fact) for name, fact in _came_of_it(glance) if fact)
    yield "checkpoint", f"{status.checkpoint}, the last complete one" if status.checkpoint else "none is complete"
    if published := facts.published(glance):
        place = "@".join(filter(None, (published.repo, published.branch)))
        yield "published", f"{counted(published.count, 'revision', form=',')}, the last {place}"
    if status.outbox:
        carried = ["its courier is at work"] if status.courier else []
        yield "outbox", ", ".join([*(f"{count} {state}" for state, count in status.outbox.items()), *carried])
    yield from _repeated("tracked", _few([f"{tracker}: {place}" for tracker, place in status.tracked.items()], FEW + 1))
    if plugins := facts.cost(glance):
        yield "plugins", _cost(plugins, glance)
    yield "size", _size(glance)
    yield "written", _since(status)
    yield from _repeated("go on", status.commands)
    if status.hint and not (status.commands and status.hint.startswith("Nothing")):
        yield "note" if status.commands else "go on", status.hint


def _came_of_it(glance: Glance) -> Iterator[tuple[str, str]]:
    last, best = last_of(glance), best_of(glance)
    if last:
        at = f", best {words.number(best.value)} at step {best.step}" if best else ""
        at = ", its best" if best and best.step == last.step else at
        yield "metric", f"{glance.metric} {words.number(last.value)} at step {last.step}{at}"
    steps = {score.step for score in glance.scores.values()}
    at = f", of step {steps.pop()}" if len(steps) == 1 and None not in steps else ""
    each = [f"{label} {words.number(score.value)}" for label, score in glance.scores.items()]
    yield "scores", f"{', '.join(_few(each, FEW))}{at}" if each else ""
    if said := facts.completions(glance):
        more = "" if said.is_whole else "more than "
        yield "completions", f"{more}{counted(said.rows, 'row', form=',')} of {counted(said.steps, 'step', form=',')}"


def _few(texts: Sequence[str], most: int) -> list[str]:
    return [*texts] if len(texts) <= most else [*texts[:most], f"{len(texts) - most} more"]


def _arm(glance: Glance) -> str:
    arm, of = glance.arm, glance.run.get("experiment")
    parts = [str(arm.get("method") or arm.get("name"))]
    parts += [f"{name} {arm[name]}" for name in ("seed", "stage") if arm.get(name) is not None]
    return ", ".join([*parts, *([f"of the experiment {of}"] if of else [])])


def _cost(plugins: dict[str, float], glance: Glance) -> str:
    took = words.as_number((glance.run.get("outcome") or {}).get("seconds"))
    total = sum(plugins.values())
    share = f" ({100 * total / took:.1f} % of the run)" if took and took > 0 else ""
    named = _few([f"{name} {seconds:.1f} s" for name, seconds in plugins.items()], FEW)
    return f"{total:.1f} s{share}: {', '.join(named)}"


def _size(glance: Glance) -> str:
    found = glance.size
    took = glance.ended - glance.started if glance.ended and glance.started else None
    began = f", began {age(time.time() - glance.started)} ago" if glance.started else ""
    lasted = f", took {age(took)}" if took is not None and took >= 0 else ""
    return f"{'' if found.is_whole else 'more than '}{words.size(found.count)}{began}{lasted}"


def _steps(status: Status) -> str:
    step = "?" if status.step is None else str(status.step)
    return f"{step} of {status.steps}" if status.steps else step


def _since(status: Status) -> str:
    return f"{age(time.time() - status.written)} ago" if status.written else ""


def _repeated(name: str, each: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from (("" if number else name, fact) for number, fact in enumerate(each))


def _wrapped(text: str, width: int) -> list[str]:
    """A path stays in one piece, also where it is longer than a line."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _folded(name: str, text: str, room: float) -> list[str]:
    lines = [text] if len(text) + INDENT <= room else _wrapped(text, max(int(room) - INDENT, 20))
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"{lines[MOST_LINES - 1][:-2]} …"]
    return [f"{name if not number else '':{INDENT}}{line}".rstrip() for number, line in enumerate(lines)]
