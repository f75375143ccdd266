"""What every place where benchmark jobs run can do with one attempt at a job."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from callsheet.disk.inside import Inside

COMMAND = "command.json"
STATUS = "status.json"
LOG = "log.txt"
OF_THE_HUB = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def run_of(folder: Path) -> Inside:
    """The run directory around an attempt's folder, RUN/benchmarks/ID/attempt-1; no link in it is followed."""
    return Inside(folder.parents[2])


@dataclass(frozen=True)
class Attempt:
    """One attempt at one job, in a folder of its own inside the run directory.

    `folder` holds `command.json` (argv, env, cwd, seconds) before anything is started; the job's runner writes
    `status.json` and `log.txt` beside it. `name` is unique and stable, so that a dispatcher killed between starting a
    job and noting it finds the job again instead of starting a second one. `variables` are those of the environment
    with secrets that the job gets.
    """

    folder: Path
    name: str
    gpus: int = 0
    seconds: float | None = None
    variables: tuple[str, ...] = OF_THE_HUB


@dataclass(frozen=True)
class Seen:
    """What a place says of a job: waiting, running, ended (its runner wrote how), or lost, with the `reason`.

    One that nobody here starts is `left` to the user, and the `reason` says what to do.
    """

    state: str
    reason: str = ""


class Dispatcher(Protocol):
    """A place where jobs run, a class that may inherit from this: no torch, time-outs on everything.

    It is named by an entry point of the group `callsheet.benchmark_dispatchers`. It is made once per courier, with the
    `settings` that travel with each job: those of the plugin under `section`, which is `dispatch_options` unless the
    class says `local` or `slurm`. With `brings_python`, the job's Python need not exist on this machine.
    """

    section: ClassVar[str] = "dispatch_options"
    brings_python: ClassVar[bool] = False

    def __init__(self, run_dir: Path, settings: Mapping[str, Any]) -> None:
        """Keep what `submit` needs; nothing is started yet."""

    @classmethod
    def problems(cls, settings: Mapping[str, Any], run_dir: Path) -> Iterable[str]:
        """What of its settings it cannot use, each as a sentence; asked before training, and asks nobody."""
        return ()

    @abstractmethod
    def submit(self, attempt: Attempt) -> str:
        """Start the attempt unless it was started before, and return a handle that survives this process.

        Raises `Transient` while the place cannot be reached or is full, `Permanent` when it refuses, and `Parked` when
        it can only be reached from another machine.
        """

    @abstractmethod
    def look(self, attempt: Attempt, handle: str) -> Seen:
        """What became of it. Raises `Transient` while the place cannot be asked."""

    @abstractmethod
    def cancel(self, attempt: Attempt, handle: str) -> None:
        """End it if it still runs; no error when it is gone."""
