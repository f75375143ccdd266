"""What is known of one run besides its state: publications, completions, and what plugins cost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callsheet.completions import files
from callsheet.disk.inside import Inside
from callsheet.errors import CallsheetError
from callsheet.rundir.rundir import CHECKPOINTS, RunDir
from callsheet_plugins.report.glance import words
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.glance.metrics import Value, is_greater_better
from callsheet_plugins.report.glance.tails import tail_of

MOST = 1 << 26  # bytes of a log, and of all completions, that are read


@dataclass(frozen=True)
class Published:
    """How many revisions there are, and the last one."""

    count: int
    repo: str
    branch: str
    url: str


@dataclass(frozen=True)
class Completions:
    """How many steps have completions, and how many there are; not `is_whole` if there are more."""

    steps: int
    rows: int
    is_whole: bool = True


def published(glance: Glance) -> Published | None:
    """The revisions of checkpoints and of the final model, by what the manifest says."""
    commits: dict[Any, Mapping[str, Any]] = {}
    for row in tail_of(glance.path / CHECKPOINTS, MOST).rows('"revision"'):
        revision = row.get("revision")
        if isinstance(revision, dict) and isinstance(commit := revision.get("commit"), str):
            commits[revision.get("repo"), revision.get("branch"), commit] = revision
    if not commits:
        return None
    last = [*commits.values()][-1]
    repo, branch, url = (str(last.get(name) or "") for name in ("repo", "branch", "url"))
    return Published(len(commits), repo, branch, url)


def completions(glance: Glance) -> Completions | None:
    """Counts lines; reads no row."""
    try:
        steps = files.steps(RunDir(glance.path, is_main=False))
    except (CallsheetError, OSError):
        return None
    rows, left = 0, MOST
    for step in steps:
        data = _content(glance, f"completions/{step}.jsonl", left)
        rows, left = rows + data.count(b"\n"), left - len(data)
        if left <= 0:
            return Completions(len(steps), rows, is_whole=False)
    return Completions(len(steps), rows) if steps else None


def cost(glance: Glance) -> dict[str, float]:
    """The seconds that each plugin took, the most first."""
    found = glance.run.get("cost")
    seconds = {str(name): _seconds(hooks) for name, hooks in found.items()} if isinstance(found, Mapping) else {}
    return dict(sorted(seconds.items(), key=lambda pair: -pair[1]))


def last_of(glance: Glance) -> Value | None:
    """The last value of the metric by which it is judged."""
    return glance.logged.last(glance.metric) if glance.metric else None


def best_of(glance: Glance) -> Value | None:
    """The best one, where something says what is better."""
    greater = is_greater_better(glance.run, glance.metric) if glance.metric else None
    return None if greater is None else glance.best(glance.metric, greater)


def _seconds(hooks: Any) -> float:
    each = hooks.values() if isinstance(hooks, Mapping) else ()
    found = [hook.get("seconds") for hook in each if isinstance(hook, Mapping)]
    return sum(filter(None, map(words.as_number, found)))


def _content(glance: Glance, name: str, most: int) -> bytes:
    try:
        with os.fdopen(Inside(glance.path).open(name), "rb") as file:
            return file.read(max(most, 1))
    except (CallsheetError, OSError):
        return b""
