"""In what runs differ: settings, versions, machines, code and data, with those that go with a seed apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callsheet_plugins.report.compared.facts import CODE, DATA, MACHINE, PLUGINS, VERSIONS, facts
from callsheet_plugins.report.glance.settings import ABSENT, differing

SETTINGS = "Settings"
TOPICS = (SETTINGS, PLUGINS, DATA, CODE, VERSIONS, MACHINE)
NOT_SET = "not set"


@dataclass(frozen=True)
class Difference:
    """A name that has more than one value: `values` are those of each group, each once, with the runs that have it.

    It is `by_seed` where it has the same values in each group, which differ inside of it.
    """

    topic: str
    name: str
    values: Mapping[str, Mapping[str, Sequence[str]]]
    by_seed: bool


@dataclass(frozen=True)
class Member:
    """What is compared of a run; its `group` is that of the runs that differ from it in their seed alone."""

    label: str
    group: str
    config: Mapping[str, Any]
    record: Mapping[str, Any]


def differences(runs: Sequence[Member]) -> list[Difference]:
    """By topic, then as the first run that has it names them."""
    topics: dict[str, list[Mapping[str, Any]]] = {name: [] for name in TOPICS}
    for run in runs:
        for name, found in {SETTINGS: run.config, **facts(run.record)}.items():
            topics[name].append(found)
    return [
        _difference(topic, name, runs, values)
        for topic, found in topics.items()
        for name, values in (differing(found) if len(found) > 1 else {}).items()
        if topic != PLUGINS or len({*map(shown, values)} - {NOT_SET}) > 1  # else that is a setting
    ]


def alike(runs: Sequence[Member], found: Sequence[Difference]) -> list[str]:
    """The topics in which no two runs differ, of those of which something is known."""
    known = {topic for run in runs for topic, names in {SETTINGS: run.config, **facts(run.record)}.items() if names}
    return [topic for topic in TOPICS if topic in known and topic not in {one.topic for one in found}]


def shown(value: Any) -> str:
    """A value as somebody would type it."""
    if value is ABSENT:
        return NOT_SET
    if isinstance(value, float):
        return f"{value:.12g}"  # 3e-05, where arithmetic made 3.0000000000000004e-05 of it
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _difference(topic: str, name: str, runs: Sequence[Member], values: Sequence[Any]) -> Difference:
    found: dict[str, dict[str, list[str]]] = {run.group: {} for run in runs}
    for run, value in zip(runs, values, strict=True):
        found[run.group].setdefault(shown(value), []).append(run.label)
    first, *others = [set(each) for each in found.values()]
    return Difference(topic, name, found, len(first) > 1 and all(each == first for each in others))
