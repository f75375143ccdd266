"""What goes wrong, where, and how often."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Fault:
    """`times` requests whose "METHOD endpoint" contains `where` fail: with a status, or as `kind` says.

    Kinds: status, reset (before the request is served), lost (served, then the answer is lost), stall (silence),
    torn (an upload is cut short and yet accepted), wrong_oid (a tree lies about a hash).
    """

    where: str = ""
    kind: str = "status"
    status: int = 500
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "injected"
    seconds: float = 30.0


class Faults:
    """The faults that are still to come; counts what was asked."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def take(self, request: str, *kinds: str) -> Fault | None:
        """The fault that this request meets, if it is one of `kinds`."""
        with self._lock:
            for fault in self.pending:
                if fault.times > 0 and fault.kind in kinds and fault.where in request:
                    fault.times -= 1
                    return fault
        return None
