"""One attempt at an entry, and what becomes of it."""

import errno

from callsheet.outbox import Handler
from callsheet.outbox.courier.backoff import Backoff
from callsheet.outbox.courier.worker import Worker
from callsheet.outbox.entries import Entry, to_json
from callsheet.outbox.store import ACTIVE, PENDING
from callsheet.rundir import atomic


def test_an_entry_that_finds_no_room_is_tried_for_as_long_as_it_takes(tmp_path):
    class NoRoom(Handler):
        def deliver(self, job):
            raise OSError(errno.ENOSPC, "No space left on device")

    worker = Worker(tmp_path, Backoff())
    worker._handlers["shelf"] = NoRoom(tmp_path)
    worker.store.make()
    atomic.write(worker.store.path(ACTIVE, "1"), to_json(entry := Entry("1", "shelf", "1", {}, 0.0, attempts=50)))
    later = worker.attempt(entry, lambda done, total: None, list)
    assert later and later.attempts == 51 and worker.store.state_of("1") == PENDING
