"""How fast a run goes: steps, the time that is left, tokens and FLOP/s."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LOGS = 20  # the newest ones, over which the speed of tokens is taken


@dataclass
class Pace:
    """The speed of steps and the time left, measured from the first step of this process.

    The first step of several is not counted once there are others: it compiles, and fills caches.
    """

    first: int
    last: int
    started: float = field(default_factory=time.monotonic)
    _from: tuple[int, float] | None = field(default=None, init=False)
    _to: tuple[int, float] | None = field(default=None, init=False)

    def step(self, step: int) -> None:
        now = time.monotonic()
        self._from = self._from or (step, now)
        self._to = (step, now)

    @property
    def seconds(self) -> float | None:
        """Those of a step, evaluations and checkpoints included; None before the first."""
        if not self._from or not self._to:
            return None
        (before, began), (after, ended) = self._from, self._to
        if after > before:
            return (ended - began) / (after - before)
        return (ended - self.started) / max(1, after - self.first)

    @property
    def left(self) -> float | None:
        """Seconds until the last step; None while nobody can tell."""
        if (seconds := self.seconds) is None or not self._to or self.last <= 0:
            return None
        step, when = self._to
        return max(0.0, seconds * (self.last - step) - (time.monotonic() - when)) if step < self.last else 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since training began in this process."""
        return time.monotonic() - self.started


class Tokens:
    """Tokens per second over all ranks, without the time that evaluations took.

    What a trainer logs (`num_tokens` of TRL, `num_input_tokens_seen` of Trainer) is exact. Without it, the shapes of
    batches are counted, padding included: to count anything else would wait for the device.
    """

    NAMES = ("num_tokens", "num_input_tokens_seen")

    def __init__(self, ranks: int) -> None:
        self._ranks = ranks
        self._counted = 0
        self._shapes: deque[tuple[float, float]] = deque(maxlen=LOGS)
        self._logs: deque[tuple[float, float]] = deque(maxlen=LOGS)
        self._aside = 0.0
        self._since: float | None = None

    def step(self, batch: Sequence[Mapping[str, Any]]) -> None:
        self._counted += self._ranks * sum(map(tokens_in, batch))
        now = self._now()
        if not self._shapes or now - self._shapes[-1][0] >= 0.5 or len(self._shapes) < 2:
            self._shapes.append((now, self._counted))

    def logged(self, logs: Mapping[str, Any]) -> None:
        for name in self.NAMES:
            if isinstance(found := logs.get(name), (int, float)):
                self._logs.append((self._now(), float(found)))
                return

    def evaluating(self, begins: bool) -> None:
        if begins and self._since is None:
            self._since = time.monotonic()
        elif not begins and self._since is not None:
            self._aside += time.monotonic() - self._since
            self._since = None

    @property
    def per_second(self) -> float | None:
        return _rate(self._logs) or _rate(self._shapes)

    def _now(self) -> float:
        return (self._since or time.monotonic()) - self._aside


def _rate(samples: deque[tuple[float, float]]) -> float | None:
    known = [*samples]
    if len(known) < 2 or known[-1][0] <= known[0][0]:
        return None
    return (known[-1][1] - known[0][1]) / (known[-1][0] - known[0][0]) or None


def tokens_in(batch: Mapping[str, Any]) -> int:
    """By its shapes alone; pairs of completions count both.

    >>> tokens_in({"input_ids": [[1, 2, 3], [4, 5, 6]]})
    6
    """
    if not isinstance(batch, Mapping):
        return 0
    return sum(_size(value) for name, value in batch.items() if str(name).endswith("input_ids"))


def _size(value: Any) -> int:
    if callable(numel := getattr(value, "numel", None)):
        return int(numel())
    return sum(map(len, value)) if isinstance(value, list) and value and isinstance(value[0], list) else 0
