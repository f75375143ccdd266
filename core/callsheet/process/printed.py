"""What this process prints, without secrets: its own words, those of libraries, their warnings and their tracebacks."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

from callsheet.secrets.known import MEMORABLE
from callsheet.secrets.redaction import redact_text


class Printed:
    """A stream that blanks secrets in each text that is written to it, and is otherwise `stream`.

    Libraries write lines, or whole values; one that wrote half a secret at a time would have the halves shown. What
    code in C writes to the descriptor passes by.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(text if len(text) < MEMORABLE else redact_text(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def print_no_secrets() -> None:
    """From now on, and also where the interpreter prints the traceback that ends it; a second call does nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Printed):
            setattr(sys, name, cast(TextIO, Printed(stream)))
