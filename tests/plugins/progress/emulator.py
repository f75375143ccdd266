"""A terminal for tests: a real one for the program, and what somebody in front of it would see."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import termios
import threading
from collections.abc import Callable

from rich.cells import cell_len
from waiting import wait_until

SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b([^\[])")  # a read may end in the middle of one


class Screen:
    """Characters by line. Knows what Callsheet uses of a terminal, and raises for anything else."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.rows: list[list[str]] = [[]]  # the first one is the oldest; those above the last `lines` scrolled away
        self.y = self.x = 0
        self.folded = 0  # lines that did not fit
        self._rest = ""

    def feed(self, data: str) -> None:
        data, at = self._rest + data, 0
        self._rest = ""
        while at < len(data):
            if data[at] == "\x1b":
                if not (found := SEQUENCE.match(data, at)):
                    self._rest = data[at:]
                    return
                self._obey(found[1] or "", found[2] or found[3])
                at = found.end()
            else:
                self._put(data[at])
                at += 1

    def _put(self, sign: str) -> None:
        if sign == "\r":
            self.x = 0
        elif sign == "\n":
            self.y += 1
            self.rows += [[] for _ in range(self.y + 1 - len(self.rows))]
        elif sign == "\t":
            self.x = min(self.columns - 1, self.x // 8 * 8 + 8)
        else:
            wide = cell_len(sign)
            assert sign >= " ", f"{sign!r} reached the terminal"
            if self.x + wide > self.columns:
                self.folded += 1
                self._put("\n")
                self.x = 0
            row = self.rows[self.y]
            row += [" "] * (self.x + wide - len(row))
            row[self.x : self.x + wide] = [sign] + [""] * (wide - 1)
            self.x += wide

    def _obey(self, numbers: str, what: str) -> None:
        if what == "K":
            del self.rows[self.y][self.x :]
        elif what == "J" and numbers in ("", "0"):
            del self.rows[self.y][self.x :], self.rows[self.y + 1 :]
        elif what == "A":
            self.y = max(len(self.rows) - self.lines, 0, self.y - int(numbers or 1))
        else:
            assert what == "m" or numbers == "?2026", f"ESC [{numbers}{what}"

    @property
    def text(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.rows]

    @property
    def visible(self) -> list[str]:
        return self.text[-self.lines :]


class Terminal:
    """A pseudo terminal whose other end is read all the time; `path` is the end for a program."""

    def __init__(self, columns: int = 80, lines: int = 24, *, reads: bool = True) -> None:
        self.far, self.near = pty.openpty()
        self.screen = Screen(columns, lines)
        self.resize(columns, lines)
        self.raw = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        if reads:
            self._reader.start()

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.near, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.columns, self.screen.lines = columns, lines

    def shows(self, *texts: str) -> list[str]:
        """Wait until each of `texts` is to be seen, and return the lines."""
        wait_until(lambda: all(any(text in line for line in self.screen.text) for text in texts))
        return self.screen.text

    def waits_for(self, condition: Callable[[list[str]], bool]) -> list[str]:
        wait_until(lambda: condition(self.screen.text))
        return self.screen.text

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            try:
                data = os.read(self.far, 65536)
            except OSError:
                return
            self.raw += data
            self.screen.feed(decoder.decode(data))
