"""What travels in the page: each text of an answer once, and only so many; scores and counts are of all prompts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from callsheet_plugins.report.flipped.asked import Asked, Row
from callsheet_plugins.report.flipped.pairs import Pair
from callsheet_plugins.report.telling.visible import visible

PROMPT, TARGET, ANSWER = 800, 300, 800  # characters that are kept, both ends of what is longer
PLACES = "0123456789abcdefghijklmnopqrstuvwxyz"  # of an answer among those to its prompt
MOST = 1 << 20  # bytes of the answers to one prompt
SHORT = 40  # characters
NONE, LEFT_OUT = "-", "~"
RIGHT_OR_WRONG = {0.0: "0", 1.0: "1"}


@dataclass
class Carried:
    """The rows that fit, in the order of the benchmark, and how many prompts and answers did not."""

    rows: list[list[Any]]
    prompts_left_out: int
    answers_left_out: int

    @property
    def is_short(self) -> bool:
        """Whether texts are so short that many stand in one line."""
        return all(
            len(text) <= SHORT for prompt, target, answers, *_ in self.rows for text in (prompt, target, *answers)
        )


@dataclass
class _Texts:
    """What a row takes with it: its texts, and which of its answers each column gave."""

    prompt: str
    target: str
    answers: dict[str, int]
    places: list[str]


def carried(asked: Asked, main: tuple[int, int], order: Sequence[int], room: int) -> Carried:
    """`order` are the columns, the important ones first: their texts are taken while there is room, in bytes."""
    rows, texts = [*asked.rows.values()], dict[int, _Texts]()
    for at in _interesting_first(asked, main):
        made = _Texts(visible(rows[at].prompt, PROMPT), visible(rows[at].target, TARGET), {}, _places(rows[at]))
        needed = _bytes(made.prompt) + _bytes(made.target) + 2 * len(asked.columns) + 24
        needed += sum(_take(made, rows[at], column, MOST) for column in main)
        if needed > room:
            break
        room -= needed
        texts[at] = made
    _take_others(texts, rows, [column for column in order if column not in main], room)
    left_out = sum(made.places.count(LEFT_OUT) for made in texts.values())
    return Carried([*_rows(asked, texts)], len(rows) - len(texts), left_out)


def _take_others(texts: Mapping[int, _Texts], rows: Sequence[Row], columns: Sequence[int], room: int) -> None:
    for column in columns:
        for at, made in texts.items():
            room -= _take(made, rows[at], column, room)


def _take(made: _Texts, row: Row, column: int, room: int) -> int:
    """Take the answer of a column, if that fits; returns the bytes that this adds."""
    if (answer := row.answers[column]) is None or made.places[column] != LEFT_OUT:
        return 0
    text = visible(answer, ANSWER)
    size = 0 if text in made.answers else _bytes(text)
    if size > room:
        return 0
    made.places[column] = PLACES[made.answers.setdefault(text, len(made.answers))]
    return size


def _places(row: Row) -> list[str]:
    return [NONE if answer is None else LEFT_OUT for answer in row.answers]


def _interesting_first(asked: Asked, main: tuple[int, int]) -> list[int]:
    """Prompts whose score differs in the main pair, then those where it differs anywhere, then others."""
    before, after = asked.scores[main[0]], asked.scores[main[1]]
    flips = (before != after) & ~np.isnan(before) & ~np.isnan(after)
    known = np.where(np.isnan(asked.scores), -math.inf, asked.scores)
    lowest = np.where(np.isnan(asked.scores), math.inf, asked.scores).min(axis=0)
    differs = known.max(axis=0) > lowest
    return sorted(range(len(flips)), key=lambda at: (not flips[at], not differs[at]))


def _rows(asked: Asked, texts: Mapping[int, _Texts]) -> Iterator[list[Any]]:
    """Prompt, target, answers, which of them each column gave, and the score of each column."""
    for at in sorted(texts):
        made, scores = texts[at], [float(score) for score in asked.scores[:, at]]
        yield [made.prompt, made.target, [*made.answers], "".join(made.places), _scores(scores, asked)]


def _scores(scores: Sequence[float], asked: Asked) -> str | list[float | None]:
    if asked.is_right_or_wrong:
        return "".join(RIGHT_OR_WRONG.get(score, NONE) for score in scores)
    return [None if math.isnan(score) else float(f"{score:.4g}") for score in scores]


def counts(pair: Pair) -> list[Any]:
    """What the page says of a pair: counts, then the difference, its interval, the verdict and why there is none."""
    found = pair.verdict
    if found is None:
        return [pair.rose, pair.fell, pair.high, pair.low]
    low, high = found.interval or (None, None)
    numbers = [None if end is None else float(f"{end:.6g}") for end in (found.difference, low, high)]
    return [
        pair.rose,
        pair.fell,
        pair.high,
        pair.low,
        *numbers,
        found.verdict,
        found.prompts,
        found.clusters,
        found.why,
    ]


def _bytes(text: str) -> int:
    """As JSON in a script element has it, where signs of markup take six bytes."""
    return len(json.dumps(text, ensure_ascii=True)) + 1 + 5 * sum(text.count(sign) for sign in "<>&")
