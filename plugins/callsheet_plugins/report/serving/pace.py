"""How often the server works: so seldom that it takes less than a twentieth of a core, whatever it shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

REST = 20.0  # seconds of rest for each second of CPU time
SHORTEST = 1.0  # seconds between two pieces of work, however little they take


class Pace:
    """Says when there may be work again. All CPU time of the process since the last piece of work counts."""

    def __init__(self, rest: float = REST, shortest: float = SHORTEST) -> None:
        self.rest, self.shortest = rest, shortest
        self._counted = time.process_time()
        self._not_before = 0.0

    @property
    def allows(self) -> bool:
        """Whether it is time for the next piece of work."""
        return time.monotonic() >= self._not_before

    @contextmanager
    def work(self) -> Iterator[None]:
        """A piece of work; the rest that follows is as long as what was spent asks for."""
        try:
            yield
        finally:
            spent = time.process_time() - self._counted
            self._counted += spent
            self._not_before = time.monotonic() + max(self.rest * spent, self.shortest)
