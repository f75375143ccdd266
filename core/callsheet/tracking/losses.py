"""Packages that say in their log alone what they could not send: here it becomes an error."""

from __future__ import annotations

import logging

from callsheet.errors import first_line
from callsheet.secrets import redact_text

LONGEST = 300  # characters


class Lost(Exception):
    """A tracker's package gave up on something that it had taken."""


class Losses(logging.Handler):
    """Takes the place of what shows the log of `package`, and keeps its errors. Make it after the package is set up."""

    def __init__(self, package: str) -> None:
        super().__init__(logging.ERROR)
        self.package = package
        self.said: list[str] = []
        logger = logging.getLogger(package)
        logger.handlers, logger.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(redact_text(first_line(record.getMessage()))[:LONGEST])

    def raise_if_any(self) -> None:
        """Raise `Lost` with the first error since this was made."""
        if self.said:
            raise Lost(f"{self.package} gave up: {self.said[0]}")
