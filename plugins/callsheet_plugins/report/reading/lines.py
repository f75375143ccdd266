"""The lines of a log in a run directory: bounded, through no link, and each fault in one sentence."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any

from callsheet.disk import os_errors
from callsheet.disk.inside import Inside
from callsheet.disk.regular import Irregular
from callsheet.errors import CallsheetError, counted, sentences

MOST_BYTES = 1 << 30  # of a log; of a longer one, the newest
PIECE = 1 << 22  # bytes that are read at once
LONGEST_LINE = 16 << 20
DEEPEST = 100  # levels of lists and objects in a row
MOST_STEPS = 1 << 63
MOST_WRONG = 10_000  # lines that are no JSON, after which the rest of a file is left

LONE = re.compile("[\ud800-\udfff]")  # half of a surrogate pair, which no file and no page takes
NO_ROW = b"\0"

Say = Callable[[str], None]


@dataclass
class Log:
    """One log of a run. `say` hears what is wrong with it, a sentence a kind."""

    inside: Inside
    name: str
    say: Say
    most: int = 0  # bytes that are read, else MOST_BYTES
    wrong: int = 0
    is_stopped: bool = False

    def pieces(self, size: int = PIECE) -> Iterator[bytes]:
        """Whole lines, about `size` bytes at a time; nothing where the file is missing or cannot be read.

        A last line without its end comes alone.
        """
        try:
            descriptor = self.inside.open(PurePath(self.name))
        except FileNotFoundError:
            return
        except (Irregular, CallsheetError) as error:
            self.say(sentences(str(error), " "))
            return
        except OSError as error:
            self.say(os_errors.said(error, self.inside.root / self.name))
            return
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            yield from self._pieces(file, size)
        self._end()

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, oldest first, each a JSON object; what is none is left out."""
        for piece in self.pieces():
            for line in piece.split(b"\n"):
                if (row := row_of(line)) is not None:
                    yield row
                elif line.strip():
                    self.left_out()

    def left_out(self) -> None:
        """Count a line that is no row."""
        self.wrong += 1
        if self.wrong > MOST_WRONG:
            self.stop(f"more than {MOST_WRONG:,} lines are no rows; what follows was not read.")

    def stop(self, why: str) -> None:
        """Read no further."""
        if not self.is_stopped:
            self.is_stopped = True
            self.say(f"{self.name}: {why}")

    def _pieces(self, file: IO[bytes], size: int) -> Iterator[bytes]:
        held, most = os.fstat(file.fileno()).st_size, self.most or MOST_BYTES
        if held > most:
            self.say(f"{self.name} has {held:,} bytes; its newest {most:,} were read.")
            file.seek(held - most - 1)
            _pass_over(file)
        begun: list[bytes] = []
        while not self.is_stopped and (piece := file.read(size)):
            whole, end, rest = piece.rpartition(b"\n")
            if end:
                yield b"".join([*begun, whole, end])
                begun = [rest]
            else:
                begun.append(piece)
                if sum(map(len, begun)) > LONGEST_LINE:
                    begun = [NO_ROW]  # whatever else it holds
        if not self.is_stopped and (last := b"".join(begun)).strip():
            yield from self._last(last)

    def _last(self, line: bytes) -> Iterator[bytes]:
        """A last line without its end is a row, or one that a kill tore."""
        if row_of(line) is None:
            self.say(f"{self.name}: its last line is torn, as a kill leaves it, and was left out.")
        else:
            yield line + b"\n"

    def _end(self) -> None:
        if self.wrong and not self.is_stopped:
            were = "is no row, and was" if self.wrong == 1 else "are no rows, and were"
            self.say(f"{self.name}: {counted(self.wrong, 'line', form=',')} {were} left out.")


def row_of(line: bytes) -> dict[str, Any] | None:
    """A line as a JSON object; None where it is none, or is nested deeper than anything that Callsheet writes."""
    import msgspec

    try:
        found = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        found = _loaded(line)
    if not isinstance(found, dict) or (line.count(b"[") + line.count(b"{") > DEEPEST and _is_deep(found)):
        return None
    return found


def _loaded(line: bytes) -> Any:
    """What json alone takes: NaN, infinity, half of a surrogate pair, and a mark at the beginning of a file."""
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if b"\\ud" in line or b"\\uD" in line:
        return json.loads(LONE.sub("\ufffd", json.dumps(found, ensure_ascii=False)))
    return found


def _is_deep(found: dict[str, Any]) -> bool:
    here: list[Any] = [found]
    for _ in range(DEEPEST):
        inside = [each.values() if isinstance(each, dict) else each for each in here]
        here = [child for children in inside for child in children if isinstance(child, (dict, list))]
    return bool(here)


def whole(number: Any) -> int | None:
    """`number` as a step: a whole number that a counter can hold."""
    is_one = isinstance(number, int) and not isinstance(number, bool) and -MOST_STEPS <= number < MOST_STEPS
    return number if is_one else None


def _pass_over(file: IO[bytes]) -> None:
    """Go to the end of the line that the file stands in."""
    while piece := file.read(PIECE):
        _, end, rest = piece.partition(b"\n")
        if end:
            file.seek(-len(rest), os.SEEK_CUR)
            return
