"""Scorers of completions, `scorer(prompt, completion) -> float | int`: checked, imported, and called with care."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from callsheet.errors import CallsheetError, counted, did_you_mean, first_line
from callsheet.introspect.importing import import_object
from callsheet.introspect.modules import find_module
from callsheet.rewards.checking import definition, may_be_dynamic, no_module
from callsheet.rewards.columns import numbered
from callsheet.values import described, number

WANTED = "scorer(prompt, completion) -> float | int"


def scorer_problems(paths: Sequence[Any], setting: str) -> list[str]:
    """What is wrong with scorers that are named as `pkg.module.function`, by their source; imports nothing."""
    found: list[str] = []
    for path in paths:
        try:
            _check(path)
        except CallsheetError as error:
            found.append(f"{setting}: {error}")
    twice = [path for path, times in Counter(map(str, paths)).items() if times > 1]
    return [*found, *(f"{setting} names {path} twice." for path in twice)]


@dataclass
class Scorers:
    """The scorers of a run by name. `failures` counts by name how often one gave no number; `first` says why at first.

    One that takes longer than `seconds` for the completions of a step is not asked again: `gone`.
    """

    functions: Mapping[str, Callable[..., Any]]
    seconds: float = 60.0
    asked: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, paths: Sequence[str], setting: str, seconds: float = 60.0) -> Scorers:
        """Import them. Raises `CallsheetError`, which names what could not be imported or cannot be called."""
        made = {}
        for name, path in zip(numbered([path.rpartition(".")[2] for path in paths]), paths, strict=True):
            made[name] = import_object(path, setting)
            if not callable(made[name]) or isinstance(made[name], type):
                raise CallsheetError(f"{setting}: {path} is {described(made[name])}, and no function {WANTED}.")
        return cls(made, seconds)

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[dict[str, float | None]]:
        """The scores of each prompt with its completion, by name; None where a scorer gave none. Never raises."""
        self.asked += len(pairs)
        columns = {name: self._column(name, pairs) for name in self.functions}
        return [{name: column[place] for name, column in columns.items()} for place in range(len(pairs))]

    def said(self) -> str:
        """How often which scorer failed, and how at first, in sentences; empty where none did."""
        return " ".join(
            f"Scorer {name} failed on {self.failures[name]} of {counted(self.asked, 'completion')}, first with: "
            f"{self.first[name]}."
            for name in self.failures
        )

    def _column(self, name: str, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        if name in self.gone:
            self.failures[name] += len(pairs)
            return [None] * len(pairs)
        column: list[float | str] = []
        thread = Thread(target=_ask, args=(self.functions[name], pairs, column), daemon=True)
        thread.start()
        thread.join(self.seconds)
        if thread.is_alive():  # nothing in Python ends it
            self.gone.add(name)
        found = [*column, *[f"no answer within {self.seconds:g} s"] * len(pairs)][: len(pairs)]
        for one in found:
            if isinstance(one, str):
                self.failures[name] += 1
                self.first.setdefault(name, one)
        return [None if isinstance(one, str) else one for one in found]


def _ask(function: Callable[..., Any], pairs: Sequence[tuple[str, str]], column: list[float | str]) -> None:
    """Add to `column` the number for each pair, or a text that says why there is none."""
    for prompt, completion in pairs:
        try:
            column.append(_number(function(prompt, completion)))
        except BaseException as error:  # also of one that exits
            column.append(f"{type(error).__name__}: {first_line(error)}")


def _number(given: Any) -> float | str:
    try:
        found = number(given)
    except TypeError:
        return f"it returned {described(given)}, and no number"
    return found if math.isfinite(found) else f"it returned {given}, and no number"


def _check(path: Any) -> None:
    module_name, _, name = str(path).rpartition(".")
    if not isinstance(path, str) or not module_name or not all(part.isidentifier() for part in path.split(".")):
        raise CallsheetError(f"{path!r} names no function. Write pkg.module.function.")
    module = find_module(module_name)
    if module is None:
        raise CallsheetError(no_module(path, module_name))
    found = definition(module, name)
    if found is not None:
        _check_definition(path, found[1])
    elif not may_be_dynamic(module):
        raise CallsheetError(
            f"{module_name} has no {name!r}.{did_you_mean(name, [*module.definitions, *module.origins])}"
        )


def _check_definition(path: str, node: ast.stmt) -> None:
    if isinstance(node, ast.ClassDef):
        raise CallsheetError(f"{path} is a class, and no function {WANTED}.")
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    takes = node.args
    places = [*takes.posonlyargs, *takes.args]
    required = [one.arg for one, default in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if default is None]
    fits = len(places) - len(takes.defaults) <= 2 and (len(places) >= 2 or takes.vararg) and not required
    if not fits or isinstance(node, ast.AsyncFunctionDef):
        raise CallsheetError(f"{path} must be a function {WANTED}, and it is {ast.unparse(node).splitlines()[0]}")
