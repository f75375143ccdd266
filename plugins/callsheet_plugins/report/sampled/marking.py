"""Which words of a text are not those of an earlier one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

WORDS = re.compile(r"\S+\s*|\s+")
LIKE = 0.4  # of two texts that share less, marks would cover nearly all
MOST_PAIRS = 1_500_000  # pairs of words that are compared for one page, which takes about 0.2 s


@dataclass(frozen=True)
class Piece:
    """Words that stand beside each other; `is_new` if the earlier text does not have them there."""

    text: str
    is_new: bool = False


@dataclass
class Marker:
    """Marks words until that would take too long."""

    pairs_left: int = MOST_PAIRS

    def pieces(self, before: str, now: str) -> list[Piece]:
        """`now` in pieces; in one that is not marked where the texts have little in common."""
        old, new = WORDS.findall(before), WORDS.findall(now)
        self.pairs_left -= (pairs := len(old) * len(new))
        if before == now or not pairs or self.pairs_left < 0:
            self.pairs_left += pairs if self.pairs_left < 0 else 0
            return [Piece(now)]
        matcher = SequenceMatcher(None, old, new, autojunk=False)
        if matcher.quick_ratio() < LIKE or matcher.ratio() < LIKE:
            return [Piece(now)]
        found = ((tag, "".join(new[start:end])) for tag, _, _, start, end in matcher.get_opcodes())
        return [Piece(text, tag != "equal") for tag, text in found if text]
