"""What `callsheet compare` prints: runs, what differs, metrics, scores with their differences, and flipped answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from callsheet.disk.standing import short
from callsheet.errors import counted
from callsheet.experiments.places import RECORD
from callsheet.experiments.statistics.checkpoints import LABEL
from callsheet.screen import in_a_line
from callsheet.session.going_on import shell
from callsheet.values import dumps
from callsheet_plugins.report.glance.colours import of_state
from callsheet_plugins.report.glance.comparing import sides
from callsheet_plugins.report.glance.comparing.blocks import block, folded
from callsheet_plugins.report.glance.comparing.pairs import Flip, Pair
from callsheet_plugins.report.glance.comparing.record import record, said
from callsheet_plugins.report.glance.fitting import Cells, columns_of_the_screen, cut_to, fitted
from callsheet_plugins.report.glance.look import Glance

MOST_PAIRS = 60
WHOLE = 160  # columns in which a text is cut where nobody looks at a terminal


def show(glances: Sequence[Glance], pairs: Sequence[Pair], flips: int) -> None:
    """Print all of it, with the first `flips` answers that flipped of each pair."""
    room = columns_of_the_screen()
    for line in _lines(glances, pairs, flips, room):
        print(line)


def show_json(glances: Sequence[Glance], pairs: Sequence[Pair], flips: int) -> None:
    """Print one object."""
    print(dumps(record(glances, pairs, flips)))


def _lines(glances: Sequence[Glance], pairs: Sequence[Pair], flips: int, room: float) -> Iterator[str]:
    marks = sides.marks(len(glances))
    yield from _runs(glances, marks, room)
    for title, rows, none in (
        ("settings that differ", [*sides.settings(glances)], "No setting differs."),
        ("metrics", [*sides.metrics(glances)], "No run has logged a metric."),
        ("scores", [*sides.scores(glances)], "No run has a score."),
    ):
        yield ""
        yield from block(title, rows, marks, room) if rows else [none]
    for line in (*_differences(pairs, marks), *_counts(pairs, marks), *_methods(glances)):
        yield from folded(line, room)
    yield from _first_flips(pairs, marks, flips, int(min(room, WHOLE)))


def _runs(glances: Sequence[Glance], marks: Sequence[str], room: float) -> list[str]:
    names = [glance.label for glance in glances]
    states = [glance.state for glance in glances]
    named = Cells("run", names, 1, least=20, is_cut_in_the_middle=True)
    return fitted([Cells("", marks, 0), named, Cells("status", states, 2, style=of_state)], room)[0]


def _differences(pairs: Sequence[Pair], marks: Sequence[str]) -> Iterator[str]:
    if not pairs:
        return
    yield ""
    yield f"differences, paired by prompt, each with its interval at 95 %: they compare {LABEL}"
    for pair in pairs[:MOST_PAIRS]:
        yield f"  {in_a_line(pair.label)}, {marks[pair.of]} - {marks[pair.than]}: {_difference(pair)}"
    if (more := len(pairs) - MOST_PAIRS) > 0:
        yield f"  … and {counted(more, 'more difference')}: --json"


def _difference(pair: Pair) -> str:
    found = pair.verdict
    if found.difference is None or found.interval is None or found.p is None:
        return f"no interval, since {found.why}" if not found.prompts else f"no interval: {found.why}"
    low, high = found.interval
    of = counted(found.prompts, "prompt", form=",")
    clusters = f" in {found.clusters:,} clusters" if found.clusters != found.prompts else ""
    left = f"; {found.left_out:,} that only one has are left out" if found.left_out else ""
    interval = f"{found.difference:+.4g} [{low:+.4g}, {high:+.4g}]" if found.difference or high else "0 [0, 0]"
    return f"{interval}, {said(pair)} (p={found.p:.2g}, {of}{clusters}{left})"


def _counts(pairs: Sequence[Pair], marks: Sequence[str]) -> Iterator[str]:
    """How many answers flipped."""
    found = [pair for pair in pairs[:MOST_PAIRS] if pair.verdict.prompts]
    if not found:
        return
    yield ""
    yield "answers that flipped (--flips N shows the first N)"
    for pair in found:
        more, less = ("became right", "wrong") if pair.is_right_or_wrong else ("got more", "less")
        counts = f"{pair.better:,} {more}, {pair.worse:,} {less}, of {pair.verdict.prompts:,}"
        yield f"  {in_a_line(pair.label)}, from {marks[pair.than]} to {marks[pair.of]}: {counts}"


def _methods(glances: Sequence[Glance]) -> Iterator[str]:
    """Who compares methods, if these are arms of one experiment."""
    places = {glance.path.parent for glance in glances if (glance.path.parent / RECORD).is_file()}
    if len(places) == 1:
        yield ""
        yield f"methods over their seeds: {shell('callsheet', 'experiment', 'status', short(places.pop()))}"


def _first_flips(pairs: Sequence[Pair], marks: Sequence[str], most: int, width: int) -> Iterator[str]:
    for pair in pairs[:MOST_PAIRS]:
        if most and pair.flips:
            yield ""
            yield cut_to(f"{in_a_line(pair.label)}, from {marks[pair.than]} to {marks[pair.of]}", width)
            for flip in pair.flips[:most]:
                yield from _flip(flip, marks[pair.than], marks[pair.of], width)
            if (rest := len(pair.flips) - most) > 0:
                yield f"  … and {rest:,} more: --flips {len(pair.flips)}"


def _flip(flip: Flip, than: str, of: str, width: int) -> Iterator[str]:
    """Four lines: what was asked, both answers, and what was wanted, where that is known."""
    sign = "+" if flip.by > 0 else "-"
    yield cut_to(f"  {sign} prompt {in_a_line(flip.prompt)}".rstrip(), width)
    for name, text in ((than, flip.first), (of, flip.second)):
        yield cut_to(f"    {name:6} {in_a_line(text)}".rstrip(), width)
    if flip.target:
        yield cut_to(f"    target {in_a_line(flip.target)}".rstrip(), width)
