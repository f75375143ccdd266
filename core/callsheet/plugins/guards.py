"""What stands between the host and one plugin: timing, attribution, and what happens when a hook raises."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from time import perf_counter
from typing import Any

from callsheet.disk import os_errors
from callsheet.errors import CallsheetError, PluginFailure
from callsheet.process.signals import Terminated

logger = logging.getLogger("callsheet")

STILL_CALLED = "The plugin is still called, and the run goes on. If it fails so again, only events.jsonl says it."

EventLog = Callable[..., None]
WITHOUT = "The run goes on without."


def reaction(ranks: str, on_error: str | None) -> str:
    """What happens when a hook raises: what was chosen, else raise where all ranks run the plugin, else warn."""
    return on_error or ("raise" if ranks == "all" else "warn")


@dataclass
class Cost:
    """What one hook of one plugin cost so far, in seconds of the calling thread, and how often it raised."""

    calls: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    failures: int = 0

    def add(self, seconds: float) -> None:
        self.calls += 1
        self.seconds += seconds
        if seconds > self.slowest:
            self.slowest = seconds


@dataclass
class CallContext:
    """Where guards report: who is being called right now, and the run's event log."""

    log: EventLog
    rank: int = 0
    calling: str | None = None


@dataclass
class Guard:
    """Calls what belongs to one plugin. `on_error` is raise, warn or disable, already decided."""

    name: str
    origin: str
    on_error: str
    context: CallContext
    costs: dict[str, Cost] = field(default_factory=dict)
    disabled: bool = False
    refused: set[tuple[str, str]] = field(default_factory=set)  # values that were left out, by door and name
    said: set[str] = field(default_factory=set)

    def around(self, hook: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """`method`, timed and guarded; returns what it returns, or None when it raised and the run goes on."""
        cost = self.costs.setdefault(hook, Cost())
        context, name = self.context, self.name

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.disabled:
                return None
            caller, context.calling = context.calling, name
            start = perf_counter()
            try:
                return method(*args, **kwargs)
            except Terminated:
                raise
            except (Exception, SystemExit) as error:  # a plugin that exits has failed, too
                self.failed(hook, error)
            finally:
                cost.add(perf_counter() - start)
                context.calling = caller

        return call

    def around_wrapper(self, hook: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """The same for `@hookimpl(wrapper=True)`: what it does before and after the others is guarded, they are not."""

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Generator[None, Any, Any]:
            steps = method(*args, **kwargs)
            started = self.around(hook, lambda: next(steps) or True)()
            try:
                result = yield
            except BaseException:
                steps.close()
                raise
            if started:
                self.around(hook, lambda: next(steps, None))()
            return result

        return call

    def refuse(self, door: str, odd: Mapping[str, str], *, raises: bool = True) -> None:
        """Report values that were handed to `door` and left out, each once, then do what `on_error` says.

        `odd` maps the name of a value to what it is. With `raises=False`, nothing but the report is done.
        """
        new = {name: what for name, what in odd.items() if (door, name) not in self.refused}
        if not new:
            return
        self.refused |= {(door, name) for name in new}
        said = f"{self.who} handed {door} {left_out(new)}"
        context = self.context
        context.log("refused", plugin=self.name, origin=self.origin, door=door, values=new, rank=context.rank)
        if raises and self.on_error == "raise":
            raise PluginFailure(said)
        self.disabled = self.disabled or (raises and self.on_error == "disable")
        logger.warning("%s %s", said, "The plugin is not called again." if self.disabled else WITHOUT)

    @property
    def who(self) -> str:
        kind = "Callback" if self.name.startswith("callbacks.") else "Plugin"
        return f"{kind} {self.name!r} ({self.origin})"

    def failed(self, hook: str, error: BaseException) -> None:
        """Record that `hook` raised `error`, then do what `on_error` says."""
        who = self.who
        self.costs.setdefault(hook, Cost()).failures += 1
        if isinstance(error, (CallsheetError, PluginFailure)):
            raise type(error)(f"{who}: {error}" if who not in str(error) else str(error)) from error
        if hook == "preflight" and isinstance(refused := os_errors.explained(error), os_errors.Refused):
            raise os_errors.Refused(f"{who}: {refused}") from error  # a setting names what is closed
        self.context.log(
            "plugin_failed",
            plugin=self.name,
            origin=self.origin,
            hook=hook,
            rank=self.context.rank,
            on_error=self.on_error,
            error=f"{type(error).__name__}: {error}",
            traceback=traceback.format_exc(),
        )
        said = f"{who} raised in {hook} on rank {self.context.rank}: {type(error).__name__}: {error}"
        if self.on_error == "raise":
            raise PluginFailure(said) from error
        self.disabled = self.on_error == "disable"
        self._warn(said, f"{hook}: {type(error).__name__}")

    def _warn(self, said: str, kind: str) -> None:
        """Say each kind once: a plugin that fails at every step would bury the run. events.jsonl has each failure."""
        if self.disabled:
            logger.warning("%s. It is not called again; the run goes on.", said)
        elif kind not in self.said:
            self.said.add(kind)
            logger.warning("%s. %s", said, STILL_CALLED)


def left_out(odd: Mapping[str, str]) -> str:
    """What was left out, for the end of a sentence.

    >>> left_out({"note": "text"})
    'what it cannot take: note is text.'
    """
    return f"what it cannot take: {each_of(odd)}."


def each_of(odd: Mapping[str, str]) -> str:
    return ", ".join(f"{name} is {what}" for name, what in odd.items())
