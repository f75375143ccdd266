"""Numbers that plugins log without waiting for the device: they are read when the trainer logs, and waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callsheet.session.session import Session


class Later:
    """What `state.log_later` was given since the trainer's last log."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: dict[str | None, dict[str, Callable[[], Any]]] = {}  # by plugin and name

    def put(self, values: Mapping[str, Callable[[], Any]]) -> None:
        self._waiting.setdefault(self._session.lineup.context.calling, {}).update(values)

    def forget(self) -> None:
        """Training begins: what waits is of one that raised."""
        self._waiting = {}

    def log(self) -> None:
        """Read and log what waits. Every rank calls this at the same steps, so what is read may gather over ranks."""
        waiting, self._waiting = self._waiting, {}
        for plugin, values in waiting.items():
            self._session.lineup.guarded(plugin, "log_later", partial(self._log, values))()

    def _log(self, values: Mapping[str, Callable[[], Any]]) -> None:
        self._session.state.log({name: read() for name, read in values.items()})
