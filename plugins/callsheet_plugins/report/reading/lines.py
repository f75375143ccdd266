"""The lines of a log in a run directory: bounded, through no link, and each fault in one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any

from callsheet.disk import os_errors
from callsheet.disk.inside import Inside
from callsheet.disk.regular import Irregular
from callsheet.errors import CallsheetError, counted

MOST_BYTES = 1 << 30  # of a log; of a longer one, the newest
PIECE = 1 << 22  # bytes that are read at once
LONGEST_LINE = 16 << 20
MOST_WRONG = 10_000  # lines that are no JSON, after which the rest of a file is left

Say = Callable[[str], None]


@dataclass
class Log:
    """One log of a run. `say` hears what is wrong with it, a sentence a kind."""

    inside: Inside
    name: str
    say: Say
    most: int = MOST_BYTES
    wrong: int = 0
    is_torn: bool = False

    def pieces(self) -> Iterator[bytes]:
        """Whole lines, many at a time; nothing where the file is missing or cannot be read."""
        try:
            descriptor = self.inside.open(PurePath(self.name))
        except FileNotFoundError:
            return
        except (Irregular, CallsheetError) as error:
            self.say(f"{error}".removesuffix(".") + ".")
            return
        except OSError as error:
            self.say(os_errors.said(error, self.inside.root / self.name))
            return
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            yield from self._pieces(file)
        self._end()

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, oldest first, each a JSON object; what is none is left out."""
        for piece in self.pieces():
            for line in piece.split(b"\n"):
                if (row := row_of(line)) is not None:
                    yield row
                elif line.strip():
                    self.left_out(is_last=not piece.endswith(b"\n"))
            if self.is_hopeless:
                return

    def left_out(self, *, is_last: bool) -> None:
        """Count a line that is no row; `is_last` where no line break follows it, so that a kill may have torn it."""
        self.is_torn = is_last
        self.wrong += not is_last

    @property
    def is_hopeless(self) -> bool:
        """Whether so many lines are none that the rest is not worth its time."""
        return self.wrong > MOST_WRONG

    def _pieces(self, file: IO[bytes]) -> Iterator[bytes]:
        size = os.fstat(file.fileno()).st_size
        begun: list[bytes] = []
        if size > self.most:
            self.say(f"{self.name} has {size:,} bytes; its newest {self.most:,} were read.")
            file.seek(size - self.most - 1)
            _pass_over(file)
        while not self.is_hopeless and (piece := file.read(PIECE)):
            whole, end, rest = piece.rpartition(b"\n")
            if not end:
                begun.append(piece)
                if sum(map(len, begun)) > LONGEST_LINE:
                    begun = [b"\0"]  # the rest of it is none either
                continue
            yield b"".join([*begun, whole, end])
            begun = [rest]
        if last := b"".join(begun).strip():
            yield last

    def _end(self) -> None:
        if self.is_torn:
            self.say(f"{self.name}: its last line is torn, as a kill leaves it, and was left out.")
        if self.is_hopeless:
            self.say(f"{self.name}: more than {MOST_WRONG:,} lines are no rows; the rest was not read.")
        elif self.wrong:
            were = "is no row, and was" if self.wrong == 1 else "are no rows, and were"
            self.say(f"{self.name}: {counted(self.wrong, 'line', form=',')} {were} left out.")


def row_of(line: bytes) -> dict[str, Any] | None:
    """A line as a JSON object; None where it is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _pass_over(file: IO[bytes]) -> None:
    """Go to the end of the line that the file stands in."""
    while piece := file.read(PIECE):
        _, end, rest = piece.partition(b"\n")
        if end:
            file.seek(-len(rest), os.SEEK_CUR)
            return
