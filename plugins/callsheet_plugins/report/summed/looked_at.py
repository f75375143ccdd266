"""The metric that runs are looked at by first: the same as `callsheet runs` takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet_plugins.report.glance.metrics import Value, goes_by

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData
    from callsheet_plugins.report.reading.metrics import Series


@dataclass(frozen=True)
class Read:
    """What a run logged, as `goes_by` asks for it."""

    run: RunData

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.run.metrics]

    def last(self, name: str) -> Value | None:
        found = _series(self.run, name)
        return None if found is None else Value(int(found.steps[-1]), float(found.values[-1]))


def looked_at(runs: Sequence[RunData]) -> str:
    """What most of them are looked at by; empty where none has logged anything usual."""
    counts = Counter(name for run in runs if (name := goes_by(run.record, Read(run))))
    return next((name for name, _ in counts.most_common(1)), "")


def last(run: RunData, name: str) -> float | None:
    """The last value of a metric."""
    found = Read(run).last(name)
    return None if found is None else found.value


def _series(run: RunData, name: str) -> Series | None:
    """Of several splits that have it, the one that was logged last."""
    found = [series for (_, own), series in run.metrics.items() if own == name]
    return max(found, key=lambda series: int(series.steps[-1]), default=None)
