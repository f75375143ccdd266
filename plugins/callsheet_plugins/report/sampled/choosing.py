"""The completions that fit on a page: those of the newest step first, then of the first and of steps between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from callsheet_plugins.report.sampled.messages import Message, messages
from callsheet_plugins.report.sampled.steps import by_worth
from callsheet_plugins.report.telling.visible import in_line

MOST_STEPS = 40  # of a run
MOST_READ = 10  # times as many rows as would fit
MOST_ROWS = 200  # of a source at one step
MOST_PROMPTS = 24  # of a source at one step
MOST_ALIKE = 8  # completions of one prompt at one step
LONGEST = 4_000  # characters of a prompt or a completion
ROW, PROMPT, MESSAGE = 300, 350, 50  # what these cost on a page beside their texts


class Kept(Protocol):
    """The completions of a run: see `callsheet_plugins.report.gathered`."""

    @property
    def steps(self) -> Sequence[int]: ...
    def rows(self, step: int) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class Answer:
    """A completion. `notes` are its rewards, its scores and its advantage, by name."""

    messages: Sequence[Message]
    notes: Sequence[tuple[str, float | None]]


@dataclass
class Asked:
    """A prompt, and what was answered at each step."""

    prompt: Sequence[Message]
    answers: dict[int, list[Answer]] = field(default_factory=dict)


@dataclass
class Shelf:
    """What is shown of one source of a run: prompts in their order, by the text that they are known by."""

    source: str
    prompts: dict[str, Asked] = field(default_factory=dict)
    steps: set[int] = field(default_factory=set)
    rows: int = 0
    shown: int = 0


@dataclass
class Choice:
    """What is shown of a run, which has completions of `all_steps` steps: `shelves` hold what fitted, by source."""

    shelves: dict[str, Shelf] = field(default_factory=dict)
    all_steps: int = 0
    characters: int = 0


def choose(kept: Kept, budget: int) -> Choice:
    """Completions of about `budget` characters: at least two steps where there are two, and as many as fit."""
    steps = sorted(kept.steps)
    choice, read = Choice(all_steps=len(steps)), 0
    for number, step in enumerate([*by_worth(steps)][:MOST_STEPS]):
        left = budget - choice.characters
        if left < ROW or read * ROW > MOST_READ * budget:
            break
        rows = kept.rows(step)
        read += len(rows)
        share = left if len(steps) == 1 else min(left, budget // (4 if number else 2))
        if not _take(choice, step, rows, share) and rows:
            break
    return choice


def _take(choice: Choice, step: int, rows: Sequence[Mapping[str, Any]], share: int) -> int:
    """Put rows of a step on their shelves, as many of each source as fit; returns how many these are."""
    taken = 0
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_source.setdefault(in_line(row.get("source") or "eval", 80), []).append(row)
    for source, group in by_source.items():
        shelf = choice.shelves.setdefault(source, Shelf(source))
        shelf.rows += len(group)
        end = choice.characters + share // len(by_source)
        for asked, answer in _fitting(shelf, step, group[:MOST_ROWS], choice, end):
            asked.answers.setdefault(step, []).append(answer)
            shelf.steps.add(step)
            shelf.shown += 1
            taken += 1
    return taken


def _fitting(
    shelf: Shelf, step: int, rows: Sequence[Mapping[str, Any]], choice: Choice, end: int
) -> Iterator[tuple[Asked, Answer]]:
    here = set[str]()
    for row in rows:
        key = repr(row.get("prompt"))
        if key not in here and len(here) == MOST_PROMPTS:
            continue
        known = shelf.prompts.get(key)
        asked = known or Asked(messages(row.get("prompt"), LONGEST))
        answer = Answer(messages(row.get("completion"), LONGEST), _notes(row))
        cost = ROW + _size(answer.messages) + (0 if known else PROMPT + _size(asked.prompt))
        if len(asked.answers.get(step, ())) == MOST_ALIKE or choice.characters + cost > end:
            continue
        here.add(key)
        shelf.prompts[key] = asked
        choice.characters += cost
        yield asked, answer


def _size(said: Sequence[Message]) -> int:
    return sum(MESSAGE + len(message.text) for message in said)


def _notes(row: Mapping[str, Any]) -> list[tuple[str, float | None]]:
    """Numbers that stand beside a completion."""
    tables = [row.get(name) for name in ("rewards", "scores")]
    found = [item for table in tables if isinstance(table, Mapping) for item in table.items()]
    found += [("advantage", row["advantage"])] if row.get("advantage") is not None else []
    return [(in_line(name, 60), value if _is_number(value) else None) for name, value in found][:12]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
