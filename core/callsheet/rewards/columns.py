"""The names under which rewards are logged: one for each, where TRL would give several the same.

TRL 1.16 names a reward by its `__name__`, and a reward model by the last part of its path (`reward_func_names` in
grpo_trainer.py and rloo_trainer.py). Two that are made by one function would write into one column.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from callsheet.rewards.naming import Entry, entry

RESERVED = ("step", "prompt", "completion", "advantage")  # columns of TRL's table of completions
LONGEST_VALUE = 24


def distinct(names: Sequence[str], rewards: Sequence[Any]) -> list[str]:
    """`names` as TRL gives them to the first of its `rewards`, made distinct; a name that is the only one stays.

    >>> distinct(["_scaled", "_scaled"], [{"path": "my.scaled", "factor": 1}, {"path": "my.scaled", "factor": 2}])
    ['scaled-factor-1', 'scaled-factor-2']
    """
    found = list(names)
    for name, times in Counter(found).items():
        group = [number for number, other in enumerate(found[: len(rewards)]) if other == name]
        if group and (times > 1 or name in RESERVED):
            others = {other for number, other in enumerate(found) if number not in group} | {*RESERVED}
            for number, label in zip(group, _labels([entry(rewards[number]) for number in group], others), strict=True):
                found[number] = label
    return numbered(found)


def numbered(names: Sequence[str]) -> list[str]:
    """`names` with a number at each that stands there before, for trainers that others have built.

    >>> numbered(["length", "length", "format"])
    ['length', 'length-2', 'format']
    """
    found: list[str] = []
    for name in names:
        label, times = name, 1
        while label in found or (times > 1 and label in names):
            times += 1
            label = f"{name}-{times}"
        found.append(label)
    return found


def _labels(group: Sequence[Entry], others: set[str]) -> list[str]:
    """The shortest labels that tell the entries of `group` from each other, and from `others`."""
    differing = [_differing(one, group) for one in group]
    ways = [_ways(one, arguments) for one, arguments in zip(group, differing, strict=True)]
    for depth in range(max(map(len, ways))):
        labels = [way[min(depth, len(way) - 1)] for way in ways]
        if len({*labels}) == len(labels) and others.isdisjoint(labels):
            return labels
    return [way[-1] for way in ways]


def _ways(one: Entry, arguments: str) -> list[str]:
    """What an entry may be called, from short to long."""
    if not one.is_model:
        return [one.name, one.name + arguments, one.path, one.path + arguments]
    parts = [part for part in one.path.split("/") if part.strip(".~")]
    return [_safe(".".join(parts[-count:])) for count in range(1, len(parts) + 1)] or [_safe(one.path)]


def _differing(one: Entry, group: Sequence[Entry]) -> str:
    """The arguments of an entry that not all of `group` share, for a name."""
    missing = object()
    return "".join(
        f"-{key}-{_safe(str(value))[:LONGEST_VALUE]}"
        for key, value in (one.arguments or {}).items()
        if any((other.arguments or {}).get(key, missing) != value for other in group)
    )


def _safe(text: str) -> str:
    """`text` without what MLflow and others refuse in the name of a metric."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII)
