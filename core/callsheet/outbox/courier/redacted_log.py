"""The courier's log: everything it prints, without secrets."""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
from typing import TextIO

from callsheet.secrets import redact_text


class Redacted(io.TextIOBase):
    """A text stream that passes on whole lines, each with its secrets blanked."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._line = ""

    def write(self, text: str) -> int:
        with self._lock:
            whole, end, self._line = (self._line + text).rpartition("\n")
            if end:
                self._pass_on(whole + end)
        return len(text)

    def flush(self) -> None:
        """Nothing: half a line may end in half a secret."""

    def _pass_on(self, text: str) -> None:
        try:
            self._stream.write(redact_text(text))
            self._stream.flush()
        except OSError:  # a full disk loses lines of the log, not the courier
            return


def redacted_streams() -> None:
    """Blank secrets in everything that this process writes from now on, and log to it in UTC."""
    sys.stdout, sys.stderr = Redacted(sys.stdout), Redacted(sys.stderr)  # type: ignore[assignment]  # TextIO in all that matters
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for library in ("httpx", "httpx2"):  # below huggingface_hub 1 and 2; each logs every request
        logging.getLogger(library).setLevel(logging.WARNING)
