"""What the entries of `hub_revisions` carry to the courier, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, TypeVar

from callsheet.disk import typed

T = TypeVar("T")


class Place(TypedDict):
    """Where the branch is."""

    hub: str
    repo: str
    branch: str
    folder: str
    timeout_seconds: float


class PruneRule(TypedDict):
    """Which branches are kept."""

    keep_last: int
    keep_best: int
    metric: str
    greater_is_better: bool


class RevisionPayload(Place):
    """An entry of kind `hub_revisions`. 0.1.0 put neither `base_model` nor `local_names`."""

    step: int
    checkpoint: str
    weights: str
    final: bool
    private: bool
    overwrite: bool
    message: str
    card: str
    metrics: dict[str, float | None]
    prune: dict[str, Any]
    commits_per_hour: int
    coalesce: bool
    base_model: NotRequired[str | None]
    local_names: NotRequired[list[str] | None]


class ScorePayload(Place):
    """An entry of kind `hub_scores`."""

    commit: str
    step: int | None
    benchmark: str
    task: str
    metrics: dict[str, float | None]
    message: str
    commits_per_hour: int
    coalesce: bool
    final: bool


class PrunePayload(Place):
    """An entry of kind `hub_prune`."""

    weights: str
    prune: PruneRule


class BranchRow(TypedDict):
    """What is remembered of a branch."""

    step: int
    metrics: dict[str, float | None]
    weights: NotRequired[str]
    commit: NotRequired[str | None]
    entry: NotRequired[str | None]


def checked(payload: Mapping[str, Any], kind: type[T]) -> T:
    """`payload` as what it should be. Raises `Malformed`, for which an entry fails at once, with the field."""
    return typed.convert(dict(payload), kind, "its payload")
