"""Durable work for the outside world: entries that a courier carries out while, and after, a run trains."""

from callsheet.outbox.entries import Entry
from callsheet.outbox.handlers import Handler, Job, Parked, Permanent, Transient
from callsheet.outbox.outbox import Outbox
from callsheet.rundir.hashes import Hashes

__all__ = ["Entry", "Handler", "Hashes", "Job", "Outbox", "Parked", "Permanent", "Transient"]
