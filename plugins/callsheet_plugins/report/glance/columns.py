"""The columns that every table of runs can have, and those of a metric, a score or a setting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from callsheet.cli.views.ages import age
from callsheet_plugins.report.glance import words
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.glance.metrics import Value, is_greater_better


@dataclass(frozen=True)
class Column:
    """A column: `value` is what is sorted and compared, None where a run has none; `text` what a cell shows.

    `name` is unique, `header` what stands above. `unit` is what a number may be typed with: bytes or seconds.
    """

    name: str
    header: str
    value: Callable[[Glance], Any]
    text: Callable[[Glance], str]
    is_number: bool = False
    unit: str = ""


def own(metric: str) -> Iterator[Column]:
    yield _text("run", lambda glance: glance.label)
    yield _text("status", lambda glance: glance.state)
    yield Column("step", "step", lambda glance: glance.step, _steps, is_number=True)
    yield _number("steps", lambda glance: glance.steps)
    yield _text("experiment", lambda glance: glance.run.get("experiment"))
    yield _text("arm", lambda glance: glance.arm.get("method") or glance.arm.get("name"))
    yield _number("seed", _seed)
    yield _text("stage", lambda glance: glance.arm.get("stage"))
    yield _text("metric", lambda glance: glance.metric)
    yield Column("last", metric or "last", _last(metric), lambda one: words.number(_last(metric)(one)), is_number=True)
    yield Column("best", "best", _of(_best(metric)), lambda one: _at_step(_best(metric)(one)), is_number=True)
    yield Column("size", "size", lambda one: one.size.count, _size, is_number=True, unit="B")
    yield _ago("age", lambda glance: glance.started)
    yield _ago("written", lambda glance: glance.written)
    yield Column("took", "took", _took, lambda one: "" if _took(one) is None else age(_took(one) or 0), True, "s")
    yield _text("started", lambda glance: glance.run.get("started"))
    yield _text("host", lambda glance: glance.run.get("host"))
    yield _text("why", lambda glance: " ".join(glance.why.split()))


def _text(name: str, value: Callable[[Glance], Any]) -> Column:
    return Column(name, name, lambda one: value(one) or None, lambda one: str(value(one) or ""))


def _number(name: str, value: Callable[[Glance], Any]) -> Column:
    return Column(name, name, value, lambda one: "" if value(one) is None else str(value(one)), is_number=True)


def _ago(name: str, moment: Callable[[Glance], float | None]) -> Column:
    def seconds(glance: Glance) -> float | None:
        found = moment(glance)
        return None if found is None else max(time.time() - found, 0.0)

    return Column(name, name, seconds, lambda one: "" if seconds(one) is None else age(seconds(one) or 0), True, "s")


def _steps(glance: Glance) -> str:
    done = "?" if glance.step is None else str(glance.step)
    return f"{done}/{glance.steps}" if glance.steps else "" if glance.step is None else done


def _seed(glance: Glance) -> Any:
    return glance.arm.get("seed", glance.setting("trainer.args.seed"))


def _size(glance: Glance) -> str:
    return f"{'' if glance.size.is_whole else '>'}{words.size(glance.size.count)}"


def _took(glance: Glance) -> float | None:
    end = glance.ended or glance.written
    return max(end - glance.started, 0.0) if end and glance.started else None


def of_metric(name: str) -> Column:
    return Column(name, name, _last(name), lambda one: words.number(_last(name)(one)), is_number=True)


def _last(name: str) -> Callable[[Glance], float | None]:
    return _of(lambda glance: glance.logged.last(name)) if name else lambda glance: None


def _best(name: str) -> Callable[[Glance], Value | None]:
    def best(glance: Glance) -> Value | None:
        greater = is_greater_better(glance.run, name) if name else None
        return None if greater is None else glance.best(name, greater)

    return best


def _of(value: Callable[[Glance], Value | None]) -> Callable[[Glance], float | None]:
    return lambda glance: found.value if (found := value(glance)) else None


def _at_step(found: Value | None) -> str:
    return f"{words.number(found.value)} @{found.step}" if found else ""


def of_score(label: str) -> Column:
    def value(glance: Glance) -> float | None:
        found = glance.scores.get(label)
        return found.value if found else None

    return Column(label, label, value, lambda one: words.number(value(one)), is_number=True)
