"""The check behind the fixture `observes_only`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from callsheet.errors import listed
from callsheet.testing.observing import comparing
from callsheet.testing.observing.comparing import Difference
from callsheet.testing.observing.runs import ENGINES, OF_PLUGINS, Runs, Seen, Setting
from callsheet.testing.observing.saying import report

if TYPE_CHECKING:
    from callsheet.hooks import Plugin

Plugins = Sequence["str | Plugin"]


def check(runs: Runs, plugins: Plugins, overrides: Sequence[str], trainer: str, engine: str, evaluations: bool) -> None:
    """Raise `AssertionError` for the first thing that is otherwise in a run with `plugins`."""
    __tracebackhide__ = True
    if engine not in ("single", *ENGINES):
        raise ValueError(f"engine={engine!r} is none of single, {', '.join(ENGINES)}")
    if engine != "single" and not all(isinstance(plugin, str) for plugin in plugins):
        raise ValueError(f"Under {engine}, plugins run in other processes: give the names of installed ones.")
    own = [item for item in overrides if item.startswith(OF_PLUGINS)]
    setting = Setting(trainer, engine, tuple(item for item in overrides if item not in own))
    names = [plugin for plugin in plugins if isinstance(plugin, str)]
    selected = [f"plugins=[{','.join(names)}]", *own]

    def made(start: Seen | None = None) -> Seen:
        return runs.make(setting, selected, [replace(one) for one in plugins if not isinstance(one, str)], start)

    called = f"Plugin {listed([one if isinstance(one, str) else type(one).__name__ for one in plugins])}"
    same = partial(_require_same, called, evaluations=evaluations)
    reference, whole = runs.without(setting, resumed=False), made()
    _require_dropout(reference)
    same("In a run with it", whole, reference)
    where = f"from checkpoint-{setting.half} of a run with it"
    if engine != "single":  # a run takes its time there, and a resumed one is bit for bit the one that went on
        same(f"Resumed with it, {where}", made(whole), reference, since=setting.half)
        return
    reference = runs.without(setting, resumed=True)
    same(f"Resumed with it, {where}", made(whole), reference)
    same(f"Resumed without it, {where}", runs.make(setting, ["plugins=[]"], [], whole), reference)


def _require_same(
    plugins: str, run: str, seen: Seen, reference: Seen, *, evaluations: bool, since: int | None = None
) -> None:
    __tracebackhide__ = True
    if failures := seen.failures:
        raise AssertionError(f"{plugins} was not tried: {failures[0]}")
    ranks = list(zip(seen.ranks, reference.ranks, strict=True))
    for rank, (mine, other) in enumerate(ranks):
        where = f"{run}, on rank {rank}" if len(ranks) > 1 else run
        if found := comparing.differences(mine, other, evaluations=evaluations, since=since):
            raise AssertionError(report(plugins, where, found))
    if left := {name: said for name, said in seen.left.items() if name not in reference.left}:
        found = [Difference("when it is over", "surroundings", said) for said in left.values()]
        raise AssertionError(report(plugins, run, found))


def _require_dropout(reference: Seen) -> None:
    """Raise `AssertionError` if the training draws no random number, because then nothing would be tested."""
    __tracebackhide__ = True
    steps = [line["random"] for line in reference.ranks[0] if line["at"] == comparing.STEP]
    if all(one == steps[0] for one in steps):
        raise AssertionError("The training draws no random numbers, so it tells nothing: give the model some dropout.")
