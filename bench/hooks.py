"""What an event costs with ten plugins that do not listen, and ten that do nothing: `python bench/hooks.py`."""

from __future__ import annotations

import timeit
from typing import Any

from timing import machine

from callsheet import LoopState, Plugin, hookimpl
from callsheet.plugins.lineup import Lineup

CALLS, REPEATS = 20_000, 9


class Deaf(Plugin):
    """Joins another hook only."""

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        return None


class Idle(Plugin):
    """Joins the hook and does nothing."""

    @hookimpl
    def on_step_end(self, state: Any, step_idx: Any, batch: Any, metrics: Any) -> None:
        return None


def microseconds(plugins: dict[str, Plugin]) -> float:
    """The best of several means for one event."""
    hooks: Any = Lineup(plugins).hooks
    call = timeit.Timer(lambda: hooks.on_step_end(state=None, step_idx=1, batch=(), metrics={}))
    return min(call.repeat(REPEATS, CALLS)) / CALLS * 1e6


def main() -> None:
    empty = microseconds({})
    print(f"{machine()}; best of {REPEATS} × {CALLS} calls; an event without any plugin costs {empty:.2f} µs")
    for what, plugin in (("do not listen", Deaf), ("do nothing", Idle)):
        cost = microseconds({f"plugin_{number}": plugin() for number in range(10)})
        print(f"ten plugins that {what:15} {cost / empty:6.1f} × that   {cost:6.2f} µs")


if __name__ == "__main__":
    main()
