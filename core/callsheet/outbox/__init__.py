"""Durable work for the outside world: entries that a courier carries out while, and after, a run trains."""

from typing import TYPE_CHECKING, Any

from callsheet.deprecations import renamed
from callsheet.outbox.entries import Entry
from callsheet.outbox.handlers import Delivery, Handler, Parked, Permanent, Transient
from callsheet.outbox.outbox import Outbox
from callsheet.rundir.hashes import Hashes

__all__ = ["Delivery", "Entry", "Handler", "Hashes", "Outbox", "Parked", "Permanent", "Transient"]


if not TYPE_CHECKING:  # type checkers know no old names

    def __getattr__(name: str) -> Any:
        return renamed(__name__, name)
