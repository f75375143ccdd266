"""A thread that does tasks one after the other, and that no process waits for at its end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread

Task = Callable[[], None]


class Writer:
    """Does what `submit` is given. Python would wait for the threads of a pool, for as long as a disk hangs."""

    def __init__(self, name: str) -> None:
        self._tasks: SimpleQueue[tuple[Future[None], Task] | None] = SimpleQueue()
        Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, task: Task) -> Future[None]:
        future: Future[None] = Future()
        self._tasks.put((future, task))
        return future

    def close(self) -> None:
        """End the thread; what it has begun, it finishes, and the rest is cancelled."""
        with suppress(Empty):
            while waiting := self._tasks.get_nowait():
                waiting[0].cancel()
        self._tasks.put(None)

    def _work(self) -> None:
        while given := self._tasks.get():
            _carry_out(*given)
            del given  # with all that the task holds: the next one may come much later


def _carry_out(future: Future[None], task: Task) -> None:
    if future.set_running_or_notify_cancel():
        try:
            task()
        except BaseException as error:  # whoever asks for the result gets it, whatever it is
            future.set_exception(error)
        else:
            future.set_result(None)
