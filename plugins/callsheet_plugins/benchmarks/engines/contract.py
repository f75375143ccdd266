"""What an engine is asked, and what it brings back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.dispatch.contract import run_of


class Malformed(Exception):
    """An engine ended well, and what it left cannot be read as results."""


@dataclass(frozen=True)
class Work:
    """One model to be scored on one benchmark. `model` is a folder, or a repository on the Hub at `revision`.

    What the engine reads lies in `folder`, what it writes in `out`; `gpus` are those that it will see, and
    `memory_share` is how much of the memory of each it may take, where that is not all.
    """

    name: str
    benchmark: Benchmark
    model: str
    revision: str | None
    folder: Path
    out: Path
    gpus: int = 0
    memory_share: float | None = None

    def write(self, name: str, content: str | bytes) -> Path:
        """Write what the engine reads into `folder`, through no symbolic link; returns its path."""
        run_of(self.folder).write(self.folder / name, content, durable=False)
        return self.folder / name

    @property
    def task(self) -> str:
        return self.benchmark.task or self.name

    @property
    def device(self) -> str:
        return "cuda" if self.gpus else "cpu"

    @property
    def chat(self) -> bool:
        """Whether questions pass through the chat template."""
        chosen = self.benchmark.chat
        return bool(self.benchmark.system_prompt) if chosen is None else chosen


@dataclass(frozen=True)
class Scores:
    """What came of it, in the terms of `EvalResult`. `left_out` says what is no number, by name.

    What an engine leaves here and is no number after all is left out and reported, and costs nothing else.
    `predictions` may be a generator: it is asked for one row at a time, and what it raises costs no score.
    """

    metrics: Mapping[str, float]
    breakdowns: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    predictions: Iterable[Mapping[str, Any]] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """Knows how one program is called and what it writes: a class without arguments, which may inherit from this.

    It is named by an entry point of the group `callsheet.benchmark_engines`. It is used before training and in the
    courier, so it imports no training library. `package` is what the benchmark's Python must be able to import; it is
    empty where that is the benchmark's own affair. With `in_start_folder` the program runs in the directory that the
    run was started in, and sees its modules; otherwise in `work.out`.
    """

    package: ClassVar[str] = ""
    in_start_folder: ClassVar[bool] = False

    @abstractmethod
    def problems(self, name: str, benchmark: Benchmark) -> Iterator[str]:
        """What of the benchmark's settings it cannot use, each as a sentence."""

    def cannot_share(self, name: str, benchmark: Benchmark, share: float) -> str:
        """Why it cannot hold a job to `work.memory_share`, as a sentence; an empty string if it can."""
        return f"plugins.benchmarks.memory_share={share} cannot hold engine {benchmark.engine} of benchmark {name!r}."

    def variables(self, work: Work) -> tuple[str, ...]:
        """The environment variables with secrets that the program needs, besides those that the benchmark names."""
        return ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

    @abstractmethod
    def command(self, work: Work) -> list[str]:
        """The program and its arguments. Long or odd values go through a file in `work.folder`, never a shell."""

    @abstractmethod
    def results(self, work: Work) -> Scores:
        """Read what the program left in `work.out`; raises `Malformed`.

        It is called in a process of its own, which has 1 GiB of memory and ten minutes, its predictions included.
        """
