"""The live display: a thread draws it below what is printed, so that a slow terminal keeps nobody else waiting."""

from __future__ import annotations

import atexit
import io
import os
import select
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from callsheet.randomness import random_states_kept
from callsheet_plugins.progress.board import Board
from callsheet_plugins.progress.drawing.fitting import Fitter, Line
from callsheet_plugins.progress.drawing.rows import rows
from callsheet_plugins.progress.screen.above import Streams
from callsheet_plugins.progress.screen.leaving import ERASE, Guard, Suspension
from callsheet_plugins.progress.screen.terminal import is_background, size_of
from callsheet_plugins.progress.words import clean

if TYPE_CHECKING:
    from rich.console import Console

TICK = 0.1  # seconds: how soon a line that was printed, and a new size, are seen
REFRESH = 0.5
SHARE = 0.02  # of a core, which drawing may take at most
FIGURES = 1.0  # seconds between two figures that are read from the device
PATIENCE = 5.0  # seconds, at the end, for a terminal that takes nothing, as after Ctrl-S
WAITING_LINES = 2_000  # that such a terminal has not taken
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"  # a terminal that knows it shows all that is between at once
ERASE_LINE, ERASE_BELOW = "\x1b[K", "\x1b[J"


class Live:
    """Draws `board` until it is closed.

    Between two drawings, the cursor stands at the beginning of the empty line above the display. So a terminal may be
    resized, and whether it folds long lines then or cuts them, all below the cursor is erased and drawn again. What C
    code or another process prints comes to stand above the display, and a killed process leaves nothing switched off:
    the cursor is never hidden, and there is no other screen.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.stream = sys.stdout
        self._is_plain = "utf" not in (getattr(self.stream, "encoding", "") or "").lower()
        self._encoding = "ascii" if self._is_plain else "utf-8"
        with random_states_kept():  # rich draws one when it is imported
            self._console = _console()
        self._shown = 0.0
        self._lines: deque[str] = deque()
        self._missed = 0
        self._ending = threading.Event()
        self._is_over = self._is_closed = False
        self._owner = os.getpid()
        self._size = size_of(self.stream)
        self._next = 0.0
        self._streams = Streams(self.say)
        self._is_paused = False
        self._suspension = Suspension(self._pause)
        self._suspension.watch()
        self._guard = Guard(self.stream)
        board.repeats.start(self._streams.take())
        atexit.register(self.close)
        self._thread = threading.Thread(target=self._work, name="callsheet-progress", daemon=True)
        self._thread.start()

    def step(self, step: int) -> bool:
        """A step is done; whether its figures are to be shown."""
        return step == self.board.pace.last or time.monotonic() - self._shown >= FIGURES

    def showed(self) -> None:
        """Its figures are on the board."""
        self._shown = time.monotonic()

    def say(self, line: str) -> None:
        """Print `line` above the display."""
        if self._is_over:
            with suppress(OSError, ValueError):
                print(line, file=self.stream)
        elif len(self._lines) < WAITING_LINES:
            self._lines.append(line)
        else:
            self._missed += 1

    def close(self) -> None:
        """Draw the last state and leave it there; what is printed from now on comes below. May be called again."""
        if self._is_closed or os.getpid() != self._owner:
            return
        self._is_closed = True
        atexit.unregister(self.close)
        self.board.is_over = True
        self._ending.set()
        self._thread.join(PATIENCE)
        self._is_over = True
        self._guard.dismiss()
        self._suspension.forget()
        self.board.repeats.stop()
        self._streams.release()

    def _stop_drawing(self) -> None:
        """Print as if there were no display, from now on."""
        self._is_over = True
        with suppress(OSError, ValueError):
            print(self._said(), end="", file=self.stream, flush=True)

    def _pause(self, begins: bool) -> None:
        self._is_paused = begins
        self._next = 0.0
        if begins:
            with suppress(OSError, ValueError):
                self._write(ERASE)

    def _work(self) -> None:
        try:
            while not self._ending.wait(TICK):
                self._look()
            self._write(self._frame(last=True))
        except OSError:  # the terminal is gone, and nobody looks at it any more
            self._stop_drawing()
        except Exception as error:
            self._lines.append(f"The display of progress ends here: {type(error).__name__}: {clean(error)}")
            self._stop_drawing()

    def _look(self) -> None:
        """Draw, if something is to be said, the size is another one, or it is time."""
        if self._is_paused:
            return
        size, now = size_of(self.stream), time.monotonic()
        if self._lines or size != self._size or now >= self._next:
            self._size = size
            began = time.thread_time()
            frame = self._frame()
            self._next = now + max(REFRESH, (time.thread_time() - began) / SHARE)
            self._write(frame)

    def _frame(self, *, last: bool = False) -> str:
        """What goes to the terminal: lines to be printed, the display, and the way back to the line above it."""
        said = self._said()
        if not last and is_background(self.stream):
            return said
        width, height = self._size
        fit = Fitter(cells, width - 1, is_plain=self._is_plain)
        lines = self._styled(rows(self.board, room(height), fit))
        drawn = "".join(f"\r\n{line}{ERASE_LINE}" for line in lines)
        end = "\r\n" if last else f"\x1b[{len(lines)}A"
        return f"{BEGIN}\r{ERASE_BELOW if said else ERASE_LINE}{said}{drawn}{ERASE_BELOW}\r{end}{END}"

    def _said(self) -> str:
        said = []
        while self._lines:
            said.append(f"{self._lines.popleft()}\r\n")
        if self._missed:
            said.append(f"[{self._missed} lines are missing here: the terminal took nothing]\r\n")
            self._missed = 0
        return "".join(said)

    def _styled(self, lines: list[Line]) -> list[str]:
        from rich.text import Text

        made = Text(end="")
        for line in lines:
            for text, style in line:
                made.append(text, style)
            made.append("\n")
        with self._console.capture() as shown:
            self._console.print(made, soft_wrap=True, end="")
        return shown.get().split("\n")[: len(lines)]

    def _write(self, text: str) -> None:
        rest = memoryview(text.encode(self._encoding, "replace"))
        descriptor = self.stream.fileno()
        while rest and not self._is_over:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                select.select([], [descriptor], [], TICK)


def cells(text: str) -> int:
    """The columns that a terminal gives to `text`."""
    from rich.cells import cell_len

    return cell_len(text)


def room(height: int) -> int:
    """How many of a terminal's lines the display may take: on a large one, what was printed stays in sight."""
    return max(1, min(height - 2, 22), height * 2 // 3 if height > 33 else 0)


def _console() -> Console:
    """For colours alone, as TERM, COLORTERM and NO_COLOR would have them."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), force_terminal=True, legacy_windows=False, width=10_000)
    with console.capture():
        console.print(Text("x", style="bold red"))  # imports what is left, while nobody trains
    return console
