"""The section of differences: what is not the same in all runs, or what was set for the one there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callsheet.errors import counted, listed
from callsheet_plugins.report.compared.differing import TOPICS, Difference, Member, alike, differences, shown
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.telling.visible import in_line

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report, RunData

MOST_COLUMNS = 6  # one for each group; of more, a value a line
MOST_VALUES = 6  # of a setting in a cell
MOST_ROWS = 200
VALUE = 200  # characters
FLAG = re.compile(r"-{1,2}\w")


def section(report: Report) -> Section | None:
    runs = [Member(run.label, run.group, run.config, run.record) for run in report.runs]
    return _of_one(report.runs[0]) if len(runs) == 1 else _of_many(runs)


def _of_one(run: RunData) -> Section:
    typed, changed = _typed(run.record), (run.record.get("branch") or {}).get("changed")
    values = {
        "typed": [[in_line(name), in_line(value, VALUE)] for name, value in typed or []],
        "in_script": typed is None,
        "branched": _changed(changed) if isinstance(changed, Mapping) else [],
    }
    return Section("differences", "What was set", "settings.html.jinja", values)


def _of_many(runs: Sequence[Member]) -> Section:
    found = differences(runs)
    groups = list(dict.fromkeys(run.group for run in runs))
    by_group, by_seed = [one for one in found if not one.by_seed], [one for one in found if one.by_seed]
    wide = len(groups) <= MOST_COLUMNS
    tables = [
        (topic, [_by_group(one, groups) if wide else _by_value(one, len(runs)) for one in rows[:MOST_ROWS]])
        for topic in TOPICS
        if (rows := [one for one in by_group if one.topic == topic])
    ]
    values = {
        "tables": tables,
        "columns": ["Name", *map(in_line, groups)] if wide else ["Name", "Values and their runs"],
        "by_seed": [f"{one.name} ({', '.join(_values(next(iter(one.values.values()))))})" for one in by_seed],
        "alike": alike(runs, found),
        "left_out": sum(max(0, len([one for one in by_group if one.topic == topic]) - MOST_ROWS) for topic in TOPICS),
        "has_arms": len(groups) < len(runs),
    }
    return Section("differences", "Differences", "differences.html.jinja", values)


def _by_group(one: Difference, groups: Sequence[str]) -> list[Any]:
    return [in_line(one.name), *("\n".join(_values(one.values[group], among_runs=True)) for group in groups)]


def _by_value(one: Difference, runs: int) -> list[Any]:
    found: dict[str, list[str]] = {}
    for values in one.values.values():
        for value, labels in values.items():
            found.setdefault(value, []).extend(labels)
    often = sorted(found.items(), key=lambda item: -len(item[1]))[:MOST_VALUES]
    lines = [f"{in_line(value, VALUE)} — {_who(labels)}" for value, labels in often]
    more = len(found) - len(often)
    return [
        in_line(one.name),
        "\n".join([*lines, *([f"and {counted(more, 'other value', form=',')}"] if more else [])]),
    ]


def _values(values: Mapping[str, Sequence[str]], *, among_runs: bool = False) -> list[str]:
    """The values of a group, with the runs that have each where they differ inside of it."""
    tell = among_runs and len(values) > 1
    said = [
        f"{in_line(value, VALUE)} ({listed(labels)})" if tell else in_line(value, VALUE)
        for value, labels in values.items()
    ]
    more = len(said) - MOST_VALUES
    return [*said[:MOST_VALUES], *([f"and {more:,} more"] if more > 0 else [])]


def _who(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{len(labels):,} runs: {listed(labels)}"


def _typed(record: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """What was typed behind `callsheet train`, as names and values; None for a script."""
    words = record.get("overrides", [])
    if "overrides" not in record:  # 0.1 kept the command alone
        command = record.get("command")
        words = command[1:] if isinstance(command, list) else []
    if not isinstance(words, list):
        return None
    return [(word, "") if FLAG.match(word) else _pair(word) for word in map(str, words)]


def _pair(word: str) -> tuple[str, str]:
    """A name and its value; `++` is Hydra's word for a key that no file lists, and nobody typed it."""
    name, _, value = word.removeprefix("++").partition("=")
    return name, value


def _changed(changed: Mapping[str, Any]) -> list[list[str]]:
    pairs = [(name, each if isinstance(each, Mapping) else {}) for name, each in changed.items()]
    return [
        [in_line(name), *(in_line(shown(each.get(when)), VALUE) for when in ("before", "now"))] for name, each in pairs
    ]
