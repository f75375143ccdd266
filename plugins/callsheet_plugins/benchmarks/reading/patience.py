"""Steps that may never end, because a file system or a dispatcher does not answer: each is waited for only so long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

from callsheet.outbox import Permanent, Transient

T = TypeVar("T")

SECONDS = 300.0  # several commands of Slurm's have time-outs of a minute each
AGAIN_SECONDS = 60.0
LOOKS = 3  # at a step that hangs, before its entry fails


class Patience:
    """Takes steps for entries. One that hangs is left in its thread, and holds up its entry alone."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._hang: dict[str, Thread] = {}
        self._looks: Counter[str] = Counter()

    def take(self, key: str, what: str, step: Callable[[], T]) -> T:
        """What `step` returns or raises. While it hangs, raises `Transient`, and `Permanent` after some looks at it."""
        if key not in self._hang or not self._hang[key].is_alive():
            try:
                taken = _Step(step)
            except RuntimeError:  # there is no memory for a thread
                return step()
            taken.join(self.seconds)
            if not taken.is_alive():
                self._looks.pop(key, None)
                return taken.outcome()
            self._hang[key] = taken
        self._looks[key] += 1
        said = f"{what} does not answer: its file system, or what was asked about it, hangs."
        if self._looks[key] >= LOOKS:
            self._looks.pop(key)
            raise Permanent(said, "Bring it back, then `callsheet outbox retry RUN ID`.")
        raise Transient(said, retry_after=AGAIN_SECONDS)


class _Step(Thread, Generic[T]):
    def __init__(self, step: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._step, self._returned, self._raised = step, list[T](), list[BaseException]()
        self.start()

    def run(self) -> None:
        try:
            self._returned.append(self._step())
        except BaseException as error:
            self._raised.append(error)

    def outcome(self) -> T:
        for error in self._raised:
            raise error
        return self._returned[0]
