"""The curves of a run, by split and name, from `metrics.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.disk.inside import Inside
from callsheet.rundir.rundir import METRICS
from callsheet_plugins.report.reading.lines import Log, Say
from callsheet_plugins.report.reading.points import Key, Points, Reader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_NAMES = 2_000  # curves of a run
PIECE = 1 << 20  # bytes that are read at once


@dataclass(frozen=True, eq=False)
class Series:
    """One curve. Of a step that was repeated, the last value counts; NaN is null, or a number that was not finite."""

    split: str
    name: str
    steps: npt.NDArray[np.int64]  # ascending, each once
    values: npt.NDArray[np.float64]


def metrics(inside: Inside, say: Say, reader: Reader | None = None) -> Mapping[Key, Series]:
    """Every curve of the run; none where there is no such file. Runs that are alike share a `reader`."""
    log, reader = Log(inside, METRICS, say), reader or Reader()
    found: dict[Key, list[Points]] = {}
    for piece in log.pieces(PIECE):
        for key, points in reader.points(piece, log.left_out).items():
            if key in found or len(found) < MOST_NAMES:
                found.setdefault(key, []).append(points)
            else:
                log.stop(f"it has more than {MOST_NAMES:,} curves; the others, and what follows, were not read.")
    return {key: _series(key, pieces) for key, pieces in found.items()}


def _series(key: Key, pieces: Sequence[Points]) -> Series:
    import numpy as np

    steps, values = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    if (steps[1:] <= steps[:-1]).any():
        order = steps.argsort(kind="stable")
        steps, values = steps[order], values[order]
        is_last = np.append(steps[1:] != steps[:-1], True)
        steps, values = steps[is_last], values[is_last]
    return Series(*key, steps, np.where(np.isfinite(values), values, np.nan))
