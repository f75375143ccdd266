"""What experiments showed, in sentences: the same as `experiment.md` has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.errors import listed
from callsheet.experiments.results import verdicts

if TYPE_CHECKING:
    from callsheet.experiments.results.summary import Summary

MOST_MISSING = 20


@dataclass(frozen=True)
class Verdict:
    """Of one experiment: what it asked, what was shown, what is missing, and what to keep in mind."""

    name: str
    hypothesis: str
    arms: str
    sentences: Sequence[str]
    missing: Sequence[tuple[str, str]]
    more_missing: int


def verdict(summary: Summary) -> Verdict:
    """In words."""
    missing = [*summary.missing.items()]
    return Verdict(
        summary.name,
        summary.hypothesis,
        summary.states or "It has no arm.",
        [*_sentences(summary)],
        missing[:MOST_MISSING],
        max(len(missing) - MOST_MISSING, 0),
    )


def _sentences(summary: Summary) -> Iterator[str]:
    yield from verdicts.sentences_of(summary.verdict, summary.asked)
    if summary.best_run:
        yield summary.best_run
    if elsewhere := summary.elsewhere:
        were = "was" if len(elsewhere) == 1 else "were"
        yield f"{listed([*elsewhere])} {were} scored at another step than most, so they may not be comparable."
