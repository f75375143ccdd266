"""What the files of a run directory hold, as far as Callsheet reads it; docs/rundir.md describes all of it.

A field that is not listed may have any type. Fields whose values are only shown are not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, NotRequired, Required, TypedDict

from callsheet.screen import quoted

Section = dict[str, Any] | None


class Outcome(TypedDict, total=False):
    """How the last attempt ended."""

    status: str | None
    step: int | None
    error: str | None
    signal: str | None
    stopped_by: str | None


class PluginRow(TypedDict):
    """A plugin of the run."""

    name: str
    settings: dict[str, Any]


class RunRecord(TypedDict, total=False):
    """`run.json`."""

    format: int
    run: str
    experiment: str | None
    status: str
    started: str
    arm: Section
    attempts: list[dict[str, Any]]
    config: dict[str, Any]
    ids: dict[str, Any]
    command: list[str]
    overrides: list[str] | None
    cwd: str | None
    host: str | None
    versions: dict[str, str | None]
    plugins: list[PluginRow]
    max_steps: int | None
    branch: Section
    data: Section
    artifacts: dict[str, str]
    outcome: Outcome | None
    outbox: Section


class ConfigRecord(TypedDict, total=False):
    """`config.yaml`: the sections that are read from the run of another process."""

    experiment: str | dict[str, Any] | None  # a text, its name, until 0.1
    resume: str | None
    branch: bool | None
    model: Section
    dataset: Section
    trainer: Section
    peft: Section
    launch: Section
    finish: Section
    outbox: Section
    plugins: Section


class FileRow(TypedDict):
    """A file of a checkpoint."""

    size: int
    sha256: NotRequired[str | None]


class RevisionRow(TypedDict, total=False):
    """A revision of a checkpoint or of the final model."""

    repo: Required[str]
    branch: Required[str]
    commit: Required[str]
    step: Required[int]
    checkpoint: str
    weights: str
    url: str
    path: str | None


class CheckpointRow(TypedDict, total=False):
    """A line of `checkpoints.jsonl`: with `files` a complete checkpoint, with `revision` where it was published.

    What only a plugin or the outbox reads must not cost the checkpoint: that is looked at by whoever reads it.
    """

    name: Required[str]
    step: int
    epoch: float
    path: str
    files: dict[str, FileRow]
    extras: Any
    entries: Any
    revision: RevisionRow | None


class EvalRow(TypedDict, total=False):
    """A line of `evals.jsonl`; 0.1 wrote some metrics as text."""

    name: Required[str]
    metrics: Required[dict[str, float | str | None]]
    step: Required[int | None]
    tags: dict[str, str | float | bool | None]
    entry: str


class MetricRow(TypedDict, total=False):
    """A line of `metrics.jsonl`; what was logged stands beside these."""

    step: Required[int]
    split: str
    epoch: float | None


class CompletionRow(TypedDict, total=False):
    """A line of a file in `completions/`."""

    step: Required[int]
    source: Required[str]
    index: Required[float | None]
    prompt: Required[str | list[Any]]
    completion: Required[str]
    rewards: Required[dict[str, float | None]]
    scores: Required[dict[str, float | None]]
    advantage: Required[float | None]


class AnnouncedRow(TypedDict, total=False):
    """A line of `outbox/announced.jsonl`."""

    id: Required[str]
    error: str
    again: bool


class HashRow(TypedDict):
    """A line of `hashes.jsonl`."""

    device: int
    inode: int
    size: int
    changed: int
    sha256: str


class CommitRecord(TypedDict):
    """What lies in a folder that holds a revision."""

    commit: str


COMPLETE = ("step", "epoch", "path", "files")  # fields of a line about a complete checkpoint, beside its name


def _wrong_checkpoint(row: Mapping[str, Any]) -> str:
    """What is wrong with a line of the manifest whose fields have the right types."""
    missing = [name for name in COMPLETE if name not in row]
    if row.get("revision") or len(missing) == len(COMPLETE):
        return ""
    if missing:
        return f"{missing[0]} is missing"
    path = PurePath(row["path"])
    outside = path.is_absolute() or ".." in path.parts
    return f"path is {quoted(row['path'])}, which leads out of the run directory" if outside else ""


WRONG: dict[str, Callable[[Mapping[str, Any]], str]] = {"checkpoints.jsonl": _wrong_checkpoint}
ROWS: dict[str, type[Any]] = {  # by file, or by the folder of files that are named by what they are about
    "completions": CompletionRow,
    "checkpoints.jsonl": CheckpointRow,
    "evals.jsonl": EvalRow,
    "metrics.jsonl": MetricRow,
    "outbox/announced.jsonl": AnnouncedRow,
}
