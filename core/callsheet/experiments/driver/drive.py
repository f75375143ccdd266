"""The driver from its start to its end: arms into the queue, workers at work, rounds of seeds, and the verdict."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from callsheet.errors import CallsheetError
from callsheet.experiments.driver import ending, rounds
from callsheet.experiments.driver.asked import Asked
from callsheet.experiments.driver.beginning import Begun
from callsheet.experiments.driver.lock import alone_in
from callsheet.experiments.workers.launching import launch
from callsheet.process.signals import Interrupted, Signals, watched

LOOK_SECONDS = 0.5
PROMISE = "the experiment is left as it is"
SIGNALLED = 128

Look = Callable[[Begun], None]
Launch = Callable[[Begun], int]


def launched(begun: Begun) -> int:
    """Have workers started by the launcher that was chosen; returns when they have ended."""
    asked = begun.asked
    return launch(begun.folder, asked.settings.workers, asked.hydra, processes=asked.processes)


def drive(asked: Asked, look: Look, launch: Launch = launched) -> ending.End:
    """Begin the experiment, or go on with it, until nothing is left to do.

    `look` is called a few times a second while workers are at work, and once when they have ended, in a thread of its
    own. Raises `CallsheetError` for what cannot be meant, before anything is written, and `Interrupted` after a signal,
    when every worker has ended. `launch` starts workers, so that tests may start others.
    """
    Begun(asked)
    with alone_in(asked.folder), watched() as signals:
        signals.patient, signals.promise = True, PROMISE
        begun = Begun(asked)
        begun.open()
        while True:
            _work(begun, look, launch, signals)
            if not (more := rounds.next_round(begun)):
                return ending.end(begun)
            begun.asked = replace(begun.asked, settings=more)
            begun.add(asked.arms_for(more))


def _work(begun: Begun, look: Look, launch: Launch, signals: Signals) -> None:
    """Have workers started, and wait until all of them have ended. Raises `Interrupted` after a signal."""
    received = signals.received
    if received is None and not begun.queue.is_over:
        with _watching(begun, look):
            code = launch(begun)
        received = signals.received or (code - SIGNALLED if code > SIGNALLED else None)
        if received is None and code:
            ending.broken_off(begun, ending.FAILED)
            raise CallsheetError(
                f"A worker ended with exit code {code}; what it said stands above. {ending.how_to_go_on(begun.folder)}"
            )
    if received is not None:
        ending.broken_off(begun, ending.INTERRUPTED)
        stopped = Interrupted(received)
        stopped.advice = f" {ending.how_to_go_on(begun.folder)}"
        raise stopped


@contextmanager
def _watching(begun: Begun, look: Look) -> Iterator[None]:
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            look(begun)

    thread = threading.Thread(target=watch, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        look(begun)
