"""Completions as a page shows them: a book for each run, a table for each source, a row for each prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from callsheet_plugins.report.page.anchors import anchor
from callsheet_plugins.report.sampled.beside import ROLLOUTS, Beside
from callsheet_plugins.report.sampled.choosing import Answer, Asked, Choice, Shelf, choose
from callsheet_plugins.report.sampled.marking import Marker, Piece
from callsheet_plugins.report.sampled.messages import Message
from callsheet_plugins.report.sampled.steps import by_worth

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData

BESIDE = "Runs beside each other, at their last step"
SHOWN_AT_FIRST = 3  # steps
SHORT = 60  # characters of answers that stand close beside each other


@dataclass(frozen=True)
class Said:
    """A completion at a step: `pieces` if its words are compared with those of the step before, else `messages`.

    `since` is the step since which it has not changed, None if it has.
    """

    messages: Sequence[Message]
    pieces: Sequence[Piece]
    notes: Sequence[tuple[str, float | None]]
    since: int | None


@dataclass(frozen=True)
class Row:
    """A prompt with what was said to it, by step."""

    id: str
    prompt: Sequence[Message]
    answers: Sequence[tuple[int, Sequence[Said]]]


@dataclass(frozen=True)
class Table:
    """A source of a run: `first` are the steps that are shown before somebody chooses others, `titles` names all.

    It `recurs` if a prompt has answers at more than one step, as those of an evaluation set do. `of` says what is
    beside each other: a step or a run.
    """

    id: str
    source: str
    of: str
    steps: Sequence[int]
    titles: Mapping[int, str]
    first: Sequence[int]
    recurs: bool
    rows: Sequence[Row]
    is_short: bool
    left_out: int


@dataclass(frozen=True)
class Book:
    """What is shown of a run; `steps` of `all_steps` have at least one completion here."""

    id: str
    label: str
    tables: Sequence[Table]
    steps: int
    all_steps: int


def book(run: RunData, choice: Choice, marker: Marker) -> Book:
    """Of one run, step beside step."""
    shelves = sorted(choice.shelves.values(), key=lambda shelf: shelf.source == ROLLOUTS)
    tables = [_table(run.label, shelf, marker) for shelf in shelves if shelf.prompts]
    steps = {step for table in tables for step in table.steps}
    return Book(anchor("completions", run.label), run.label, tables, len(steps), choice.all_steps)


def beside(runs: Sequence[RunData], share: int) -> Iterator[Book]:
    """Runs beside each other, where prompts were put to several of them."""
    choice = choose(Beside([run.completions for run in runs]), share)
    titles = {place: f"{run.label}, step {max(run.completions.steps)}" for place, run in enumerate(runs)}
    found = [_table(BESIDE, shelf, None, titles) for shelf in choice.shelves.values() if shelf.prompts]
    if tables := [table for table in found if table.recurs]:
        yield Book("completions-beside", BESIDE, tables, 0, 0)


def _table(label: str, shelf: Shelf, marker: Marker | None, titles: Mapping[int, str] | None = None) -> Table:
    steps, about = sorted(shelf.steps), ("completions", label, shelf.source)
    rows = [_row(_id(*about, key), asked, marker) for key, asked in shelf.prompts.items()]
    recurs = any(len(row.answers) > 1 for row in rows)
    longest = max(_length(answer) for asked in shelf.prompts.values() for answer in _answers(asked))
    return Table(
        anchor(*about),
        shelf.source,
        "run" if titles else "step",
        steps,
        titles or {step: f"Step {step}" for step in steps},
        steps[:SHOWN_AT_FIRST] if titles else sorted([*by_worth(steps)][: SHOWN_AT_FIRST if recurs else 1]),
        recurs,
        rows,
        longest <= SHORT,
        shelf.rows - shelf.shown,
    )


def _id(*about: str) -> str:
    return f"asked-{sha256(repr(about).encode()).hexdigest()[:10]}"


def _row(id: str, asked: Asked, marker: Marker | None) -> Row:
    said, before = list[tuple[int, list[Said]]](), dict[int, tuple[int, str]]()
    for step, answers in sorted(asked.answers.items()):
        said.append((step, [_said(answer, before.get(place), marker) for place, answer in enumerate(answers)]))
        before = {
            place: (_since(step, answer, before.get(place)), _text(answer)) for place, answer in enumerate(answers)
        }
    return Row(id, asked.prompt, said)


def _said(answer: Answer, before: tuple[int, str] | None, marker: Marker | None) -> Said:
    is_plain = len(answer.messages) == 1 and not answer.messages[0].role
    if not before or not is_plain or not marker:
        return Said(answer.messages, [], answer.notes, None)
    step, text = before
    now = _text(answer)
    return Said(answer.messages, marker.pieces(text, now), answer.notes, step if text == now else None)


def _since(step: int, answer: Answer, before: tuple[int, str] | None) -> int:
    return before[0] if before and before[1] == _text(answer) else step


def _text(answer: Answer) -> str:
    return "\n".join(message.text for message in answer.messages)


def _length(answer: Answer) -> int:
    return len(_text(answer))


def _answers(asked: Asked) -> Iterator[Answer]:
    for answers in asked.answers.values():
        yield from answers


def is_marked(book: Book) -> bool:
    """Whether some words of it are marked."""
    said = (one for table in book.tables for row in table.rows for _, answers in row.answers for one in answers)
    return any(piece.is_new for one in said for piece in one.pieces)
