"""Durable work for the outside world: entries that a courier carries out while, and after, a run trains."""

from callsheet.hashes import Hashes
from callsheet.outbox.box import Outbox
from callsheet.outbox.entries import Entry
from callsheet.outbox.handlers import Handler, Job, Parked, Permanent, Transient

__all__ = ["Entry", "Handler", "Hashes", "Job", "Outbox", "Parked", "Permanent", "Transient"]
