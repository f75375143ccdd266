"""A thread that does one task after the other, for a caller that waits for a while, and not for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from queue import SimpleQueue
from threading import Thread

Task = Callable[[], None]


class Beside:
    """The thread ends with the process, also in the middle of a task: a lock or a disk may never answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._tasks: SimpleQueue[tuple[Task, Future[None]] | None] = SimpleQueue()
        self._pending: list[Future[None]] = []
        self._thread = Thread(target=self._work, daemon=True, name="callsheet-halving")
        self._thread.start()

    def do(self, task: Task) -> bool:
        """Have `task` done; whether it is, in time. Nobody waits while an earlier task is late."""
        is_behind = any(not future.done() for future in self._pending)
        future: Future[None] = Future()
        self._pending.append(future)
        self._tasks.put((task, future))
        wait([future], 0 if is_behind else self._seconds)
        return future.done()

    def errors(self) -> Iterator[BaseException]:
        """What tasks that are done raised, each once."""
        done = [future for future in self._pending if future.done()]
        self._pending = [future for future in self._pending if not future.done()]
        yield from (error for future in done if (error := future.exception()))

    def close(self) -> bool:
        """End the thread after its last task; whether all were done in time."""
        self._tasks.put(None)
        self._thread.join(self._seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while item := self._tasks.get():
            task, future = item
            try:
                task()
                future.set_result(None)
            except BaseException as error:
                future.set_exception(error)
