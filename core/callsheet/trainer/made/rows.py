"""The numbers of rows that a trainer was given and kept."""

from __future__ import annotations

from dataclasses import dataclass

from callsheet.errors import counted

TRAIN, EVALUATE = "train on", "evaluate on"


@dataclass(frozen=True)
class Rows:
    """One data set before and after its trainer prepared it; None where it is a stream.

    `given` and `left` are numbers of rows. `mute` of those left have no token to learn from. `packed` says that the
    trainer joined rows, so that `left` counts something else than `given`; `sampled`, that there are more rows.
    """

    name: str
    given: int | None
    left: int | None
    mute: int = 0
    packed: bool = False
    sampled: bool = False

    def __str__(self) -> str:
        if self.left is None:
            return "a stream of rows"
        if self.packed:
            return f"{counted(self.given or 0, 'row')} packed into {self.left}"
        of = counted(self.given or 0, "row")
        return of if self.left == self.given else f"{self.left} of {of}"
