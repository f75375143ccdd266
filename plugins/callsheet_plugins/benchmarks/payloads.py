"""What the entries of `benchmarks` carry to the courier, checked before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, TypeVar

from callsheet.disk import typed
from callsheet.disk.typed import Malformed
from callsheet_plugins.benchmarks.definitions import Benchmark

T = TypeVar("T")


class LocalSettings(TypedDict):
    """Of the dispatcher `local`."""

    slots: int
    devices: NotRequired[list[int | str]]
    threads: NotRequired[int | None]
    memory_share: NotRequired[float | None]


class Running(TypedDict):
    """Where jobs run."""

    attempts: int
    dispatch: str
    local: NotRequired[LocalSettings | None]
    slurm: NotRequired[dict[str, Any] | None]
    dispatch_options: NotRequired[dict[str, Any] | None]


class Model(TypedDict):
    """What is scored, and from where it was put."""

    identity: str
    repo: str
    commit: str | None
    branch: str
    step: int | None
    checkpoint: str
    weights: str
    running: Running
    cwd: str


class ForAll(Model):
    """An entry for all benchmarks of a model, of which the courier makes one for each."""

    benchmarks: dict[str, dict[str, Any]]


class ForOne(Model):
    """An entry for one benchmark."""

    name: str
    settings: dict[str, Any]


def check(payload: Mapping[str, Any]) -> None:
    """Raise `Malformed`, for which an entry fails at once, with the field that is wrong."""
    if "benchmarks" in payload:
        typed.convert(dict(payload), ForAll, "its payload")
    else:
        settings_of(typed.convert(dict(payload), ForOne, "its payload"))
    local = payload["running"].get("local")
    if local and local["slots"] < 1:
        raise Malformed("its payload", f"running.local.slots is {local['slots']}, and 1 is the least")


def settings_of(payload: Mapping[str, Any]) -> Benchmark:
    """The benchmark of an entry; settings of a later version are left aside. Raises `Malformed`."""
    return typed.convert(payload["settings"], Benchmark, "its payload, settings")
