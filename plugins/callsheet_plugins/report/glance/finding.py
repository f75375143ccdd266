"""The columns of these runs, found by the names that users type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean, listed
from callsheet.screen import quoted
from callsheet_plugins.report.glance import columns, words
from callsheet_plugins.report.glance.columns import Column
from callsheet_plugins.report.glance.look import Glance, usual_metric
from callsheet_plugins.report.glance.settings import ABSENT, differing_runs, short_names, typed_names

PLUGIN = re.compile(r"plugins\.[^.]+")
KINDS = ("setting", "score", "metric")  # what may stand before a name that two of them have


class Columns:
    """All columns of these runs. `metric` is the one whose last and best value are shown."""

    def __init__(self, glances: Sequence[Glance], metric: str = "") -> None:
        self.glances = glances
        self.metric = metric or usual_metric(glances)
        self.differs = differing_runs([glance.config for glance in glances])
        self._at = {glance.path: place for place, glance in enumerate(glances)}
        self.own = {column.name: column for column in columns.own(self.metric)}
        self._shorts = short_names([*self.differs], taken=[*self.own])
        self.scores = list(dict.fromkeys(label for glance in glances for label in glance.scores))

    def settings(self) -> list[Column]:
        """Those in which the runs differ: first what somebody typed, and plugins that only some have."""
        typed = typed_names(glance.run for glance in self.glances)
        names = sorted(self.differs, key=lambda name: name not in typed and not PLUGIN.fullmatch(name))
        return [self._setting(name) for name in names]

    def find(self, name: str) -> Column:
        """The column that a user means. Raises `CallsheetError`, which offers the nearest."""
        kind, _, rest = name.partition(".")
        if kind in KINDS and (found := self._of_kind(kind, rest)):
            return found
        found = self.own.get(name) or next(filter(None, (self._of_kind(each, name) for each in KINDS)), None)
        if found is None:
            raise CallsheetError(self._unknown(name))
        return found

    def matching(self, pattern: str) -> list[Column]:
        """The columns of a glob such as `plugins.*`, or the one of that name. Raises `CallsheetError` for none."""
        if not set(pattern) & set("*?"):
            return [self.find(pattern)]
        found = [self.find(name) for name in self._names() if fnmatchcase(name, pattern)]
        if not found:
            raise CallsheetError(f"No column is called as in {quoted(pattern)}.{self._some()}")
        return [*{column.name: column for column in found}.values()]

    def _of_kind(self, kind: str, name: str) -> Column | None:
        if kind == "setting":
            return self._named_setting(name)
        if kind == "score":
            labels = [label for label in self.scores if name in (label, label.partition(".")[2])]
            return columns.of_score(labels[0]) if len(labels) == 1 or name in labels else None
        return columns.of_metric(name) if any(glance.logged.last(name) for glance in self.glances) else None

    def _named_setting(self, name: str) -> Column | None:
        """A setting of any run, also one that is equal in all, by its name or an end of it."""
        known = self._known
        if name in known:
            return self._setting(name)
        ends = [full for full in known if full.endswith(f".{name}")]
        if len(ends) > 1:
            ends = [full for full in ends if full in self.differs] or sorted(ends)
        if len(ends) > 1 and name not in self.own:
            raise CallsheetError(f"{quoted(name)} may be one of {len(ends)} settings: {listed(sorted(ends))}.")
        return self._setting(ends[0]) if ends else None

    @cached_property
    def _known(self) -> dict[str, None]:
        """The settings of all runs."""
        equal = (full for glance in self.glances for full in _flat(glance.config))
        return dict.fromkeys([*self.differs, *equal])

    def _setting(self, name: str) -> Column:
        def value(glance: Glance) -> Any:
            found = self.differs[name][self._at[glance.path]] if name in self.differs else glance.setting(name, ABSENT)
            return None if found is ABSENT else found if isinstance(found, (int, float, str)) else words.setting(found)

        def text(glance: Glance) -> str:
            found = value(glance)
            return "" if found is None else words.setting(found)

        numbers = [found for glance in self.glances if (found := value(glance)) is not None]
        is_number = all(isinstance(found, (int, float)) and not isinstance(found, bool) for found in numbers)
        return Column(name, self._shorts.get(name, name), value, text, is_number and bool(numbers))

    def _names(self) -> Iterator[str]:
        yield from self.own
        yield from self._known
        yield from self.scores
        yield from self._logged()

    def require_metric(self, name: str) -> None:
        """Raise `CallsheetError` for a metric that no run has logged, and offer the nearest."""
        if self.glances and not self._of_kind("metric", name):
            raise CallsheetError(f"No run has logged {quoted(name)}.{did_you_mean(name, self._logged())}")

    def _unknown(self, name: str) -> str:
        kind, dot, _ = name.partition(".")
        of_kind = {"setting": self._known, "score": self.scores, "metric": self._logged()}.get(kind) if dot else None
        known = list(dict.fromkeys(self._names()))
        near = [f"{kind}.{each}" for each in of_kind or ()] or [*known, *(full.rpartition(".")[2] for full in known)]
        return f"There is no column {quoted(name)}.{did_you_mean(name, near) or self._some()}"

    def _logged(self) -> list[str]:
        return list(dict.fromkeys(name for glance in self.glances for name in glance.logged.names))

    def _some(self) -> str:
        return f" There are {', '.join(self.own)}, and all settings, scores and metrics of the runs."


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
