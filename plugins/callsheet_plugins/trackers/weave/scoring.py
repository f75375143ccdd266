"""Scorers, `scorer(prompt, completion) -> float | int`: found by name, called, and their failures counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean, first_line
from callsheet.introspect.importing import import_object
from callsheet.introspect.modules import find_module, module_spec
from callsheet.secrets import redact_text
from callsheet.values import number

WHERE = "plugins.weave.scorers"


def problems(scorers: Sequence[str]) -> Iterator[str]:
    """What is wrong with these names, by the source alone: nothing is imported."""
    seen: dict[str, str] = {}
    for path in scorers:
        if problem := _problem(path):
            yield f"{WHERE}: {problem}"
        elif other := seen.get(_name(path)):
            yield f"{WHERE}: {other} and {path} have one name, and Weave tells scorers apart by it. Rename one of them."
        seen[_name(path)] = path


def _problem(path: str) -> str:
    module, _, name = path.rpartition(".")
    if not module or not all(part.isidentifier() for part in path.split(".")):
        return f"{path!r} is not pkg.module.function."
    package = module.partition(".")[0]
    if module_spec(package) is None:
        return f"{path} needs the package {package!r}, which is not installed."
    try:
        found = find_module(module)
    except CallsheetError as error:
        return f"{path}: {error}"
    if found is None:
        return f"{path}: package {package!r} has no module {module!r}."
    known = {*found.definitions, *found.origins}
    if name in known or found.stars or "__getattr__" in known or not found.source:
        return ""
    return f"{module} has no {name!r}.{did_you_mean(name, sorted(known))}"


def _name(path: str) -> str:
    return path.rpartition(".")[2]


@dataclass
class Scorer:
    """One scorer with what went wrong in it, which ends nothing."""

    path: str
    function: Callable[[str, str], Any] | None = None
    calls: int = 0
    failures: int = 0
    first: str = ""

    @property
    def name(self) -> str:
        return _name(self.path)

    def __call__(self, prompt: str, completion: str) -> float | None:
        """The score, or None where the scorer gave none."""
        self.calls += 1
        try:
            self.function = self.function or import_object(self.path, WHERE)
            return _score(self.function(prompt, completion))
        except (Exception, SystemExit) as error:
            self.failures += 1
            self.first = self.first or f"{type(error).__name__}: {redact_text(first_line(error))[:300]}"
            return None

    @property
    def origin(self) -> str:
        """The package that brings it, with its version."""
        package = self.path.partition(".")[0]
        for distribution in packages_distributions().get(package, ()):
            return f"{distribution} {version(distribution)}"
        return package


def _score(value: Any) -> float:
    try:
        score = number(value)
    except TypeError as error:
        raise TypeError(f"it returned {error}, not a number") from None
    if value is None or not math.isfinite(score):
        raise ValueError(f"it returned {value!r}, which is no number to average")
    return score
