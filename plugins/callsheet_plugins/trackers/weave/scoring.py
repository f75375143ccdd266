"""Scorers that are imported when they are first called, and what is said of those that gave no number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import packages_distributions, version
from typing import Any

from callsheet.introspect.importing import import_object
from callsheet.rewards.scorers import Scorers, scorer_problems

WHERE = "plugins.weave.scorers"


def problems(paths: Sequence[str]) -> Iterator[str]:
    """What is wrong with these names, by the source alone: nothing is imported."""
    yield from scorer_problems(paths, WHERE)
    by_name: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        if other := by_name.get(_name(path)):
            yield f"{WHERE}: {other} and {path} have one name, by which Weave tells scorers apart. Rename one of them."
        by_name[_name(path)] = path


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _lazily(path: str) -> Callable[[str, str], Any]:
    return lambda prompt, completion: import_object(path, WHERE)(prompt, completion)


@dataclass
class Scoring:
    """The scorers of a run by name; one that cannot be imported fails like one that raises, and ends nothing."""

    paths: Sequence[str]
    _said: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = [_name(path) for path in self.paths]
        self.scorers = Scorers({_name(path): _lazily(path) for path in self.paths})

    def failures(self) -> Iterator[dict[str, Any]]:
        """What is new of scorers that gave no number: which, of which package, how often, and why at first."""
        failed = self.scorers.failures
        for path in self.paths:
            name = _name(path)
            if failed[name] != self._said.get(name, 0):
                self._said[name] = failed[name]
                about = {"calls": self.scorers.asked, "failed": failed[name], "error": self.scorers.first.get(name, "")}
                yield {"scorer": path, "package": _origin(path), **about}


def _origin(path: str) -> str:
    """The package that brings it, with its version."""
    package = path.partition(".")[0]
    for distribution in packages_distributions().get(package, ()):
        return f"{distribution} {version(distribution)}"
    return package
