"""The curves of a run, by split and name, from `metrics.jsonl`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.disk.inside import Inside
from callsheet.rundir.rundir import METRICS
from callsheet_plugins.report.reading.lines import Log, Say

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ABOUT = ("step", "split", "epoch", "time")  # of a row, what is no metric
TRAIN = "train"


@dataclass(frozen=True, eq=False)
class Series:
    """One curve. Of a step that was repeated, the last value counts; NaN is null, or a number that was not finite."""

    split: str
    name: str
    steps: npt.NDArray[np.int64]  # ascending, each once
    values: npt.NDArray[np.float64]


def metrics(inside: Inside, say: Say) -> Mapping[tuple[str, str], Series]:
    """Every curve of the run; none where there is no such file."""
    import numpy as np

    found: dict[tuple[str, str], dict[int, float]] = {}
    log = Log(inside, METRICS, say)
    for row in log.rows():
        step = row.get("step")
        if isinstance(step, int) and not isinstance(step, bool):
            split = str(row.get("split") or TRAIN)
            for name, value in _numbers(row):
                found.setdefault((split, name), {})[step] = value
        else:
            log.left_out(is_last=False)
    made = {}
    for (split, name), points in found.items():
        steps = np.fromiter(points, np.int64, len(points))
        values = np.fromiter(points.values(), np.float64, len(points))
        order = steps.argsort(kind="stable")
        made[split, name] = Series(split, name, steps[order], values[order])
    return made


def _numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in row.items():
        if name not in ABOUT and (value is None or isinstance(value, (int, float))):
            yield name, math.nan if value is None else float(value)
