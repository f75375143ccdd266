"""Durable work for the outside world: entries that a courier carries out while, and after, a run trains."""

from typing import TYPE_CHECKING, Any

from callsheet.deprecations import renamed
from callsheet.lazy import names_of

__all__ = ["Delivery", "Entry", "Handler", "Hashes", "Outbox", "Parked", "Permanent", "Transient"]

if TYPE_CHECKING:  # a composition imports the settings of the outbox, and needs nothing else of it
    from callsheet.outbox.entries import Entry
    from callsheet.outbox.handlers import Delivery, Handler, Parked, Permanent, Transient
    from callsheet.outbox.outbox import Outbox
    from callsheet.rundir.hashes import Hashes
else:
    _find = names_of(
        __name__,
        {
            "callsheet.outbox.entries": ["Entry"],
            "callsheet.outbox.handlers": ["Delivery", "Handler", "Parked", "Permanent", "Transient"],
            "callsheet.outbox.outbox": ["Outbox"],
            "callsheet.rundir.hashes": ["Hashes"],
        },
    )

    def __getattr__(name: str) -> Any:
        return _find(name) if name in __all__ else renamed(__name__, name)
