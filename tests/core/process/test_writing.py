"""A thread that does tasks in order, and that no process waits for."""

from __future__ import annotations

import gc
import threading
import weakref

from callsheet.process.writing import Writer


def test_tasks_are_done_in_order_and_tell_what_they_raised() -> None:
    writer, done = Writer("callsheet-test"), list[int]()

    def fail() -> None:
        done.append(2)
        raise SystemExit("full")

    first, second, third = (
        writer.submit(lambda: done.append(1)),
        writer.submit(fail),
        writer.submit(lambda: done.append(3)),
    )
    third.result(60)
    writer.close()
    assert done == [1, 2, 3] and first.result() is None and isinstance(second.exception(), SystemExit)


def test_an_end_cancels_what_is_not_begun_and_leaves_no_thread() -> None:
    writer, began, may_end = Writer("callsheet-closed"), threading.Event(), threading.Event()

    def slow() -> None:
        began.set()
        assert may_end.wait(60)

    running, waiting = writer.submit(slow), writer.submit(lambda: None)
    (thread,) = (one for one in threading.enumerate() if one.name == "callsheet-closed")
    assert began.wait(60) and thread.daemon
    writer.close()
    may_end.set()
    thread.join(60)
    assert running.result(60) is None and waiting.cancelled() and not thread.is_alive()


def test_what_a_task_held_is_free_once_it_is_done() -> None:
    class Buffer:
        pass

    writer, buffer = Writer("callsheet-test"), Buffer()
    gone = threading.Event()
    weakref.finalize(buffer, gone.set)
    writer.submit(lambda held=buffer: None).result(60)  # type: ignore[misc]  # mypy infers no default's type
    del buffer
    gc.collect()
    assert gone.wait(60)
    writer.close()
