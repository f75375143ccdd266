"""Checks for choices that exclude each other; the schema sees each of them alone."""

from __future__ import annotations

from callsheet.config.plan import Plan
from callsheet.introspect.classes import constructor
from callsheet.plugins.lineup import Lineup


def reference_problems(plan: Plan) -> list[str]:
    takes = constructor(plan.trainer.trainer_class) if plan.trainer.ref_model else None
    if takes is None or takes.kwarg or "ref_model" in {argument.arg for argument in takes.args + takes.kwonlyargs}:
        return []
    return [f"trainer={plan.trainer.name} compares with no other model; leave trainer.ref_model out."]


def push_problems(plan: Plan, lineup: Lineup) -> list[str]:
    if plan.finish.push and not lineup.publishers:
        return ["finish.push=true, but no selected plugin publishes. Select one, or leave finish.push out."]
    return []


def unserved(plan: Plan) -> list[str]:
    chosen = {"launch": plan.launch.name, "trainer": plan.trainer.name}
    return [
        f"Plugin {name!r} cannot serve {group}={value}: {plugin.cannot_serve[value]} Leave one of the two out."
        for name, plugin in plan.plugins.items()
        for group, value in chosen.items()
        if value in plugin.cannot_serve
    ]
