"""Numbers out of reason in Callsheet's own settings and in those of plugins, whatever their ranges say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields

from callsheet.config.plan import Plan
from callsheet.trainer import adapters, ranges

# Waiting for ever is a wish.
MAY_BE_INFINITE = {"outbox.deadline_seconds", "outbox.linger_seconds"}
# What belongs to others may have its own use for infinity.
OF_OTHERS = ("trainer.args", "peft.args", "callbacks", "model.kwargs", "launch.config", "trainer.rewards")


def problems(plan: Plan) -> list[str]:
    """The numbers among arguments of the trainer and of the adapter that are out of their ranges."""
    found = ranges.problems(plan.trainer.args, plan.trainer.config_class)
    if plan.peft.type:
        found += ranges.problems(plan.peft.args, adapters.path_of(plan.peft), "peft.args")
    return found


def impossible(plan: Plan, found: Sequence[str]) -> list[str]:
    """The numbers in all of the configuration that nothing can mean, but for the `problems` that were `found`.

    Other checks may stumble over them.
    """
    told = tuple(line.partition(" ")[0] for line in found)
    return [line for line in _impossible(plan) if not line.startswith(told)]


def _impossible(plan: Plan) -> Iterator[str]:
    by_default = {
        f"plugins.{name}.{each.name}"
        for name, plugin in plan.plugins.items()
        for each in fields(plugin)
        if each.default in (math.inf, -math.inf)
    }
    for path, value in ranges.inside(plan.composed):
        infinite = path in MAY_BE_INFINITE | by_default or path.startswith(OF_OTHERS)
        if said := ranges.reasons(value, may_be_infinite=infinite):
            yield f"{path} {said}"
