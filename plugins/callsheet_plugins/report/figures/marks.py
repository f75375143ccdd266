"""Marks at the foot of a chart: where checkpoints were saved, and where a resumed run went on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from callsheet_plugins.report.figures.lines.charts import Arm
from callsheet_plugins.report.figures.theme import LIGHT, look

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData

FEW = 4  # runs whose marks can be told apart
MOST = 200  # marks of a run
TALL = 0.05  # of the chart's height
LISTED = 8  # steps in a sentence


def is_marked(arms: Sequence[Arm]) -> bool:
    return len(arms) <= FEW and not any(arm.is_band for arm in arms)


def shapes(arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """A tick for each checkpoint, in the run's colour if there are several, and a dotted line where a run resumed."""
    return [shape for place, arm in enumerate(arms) for shape in _of(arm.runs[0], place, len(arms))]


def _of(run: RunData, place: int, count: int) -> Iterator[dict[str, Any]]:
    colour = look(place).colour if count > 1 else LIGHT[6]
    if steps := _thinned(saved(run)):
        yield _path(steps, place * TALL, (place + 1) * TALL, {"color": colour, "width": 2})
    if steps := _thinned(resumed(run)):
        yield _path(steps, 0, 1, {"color": colour, "width": 1, "dash": "dot"})


def _path(steps: Sequence[int], low: float, high: float, line: dict[str, Any]) -> dict[str, Any]:
    """All of them as one shape, since plotly.py takes a millisecond or more for each."""
    path = " ".join(f"M{step},{low:.4g}V{high:.4g}" for step in steps)
    return {"type": "path", "path": path, "yref": "paper", "line": line}


def saved(run: RunData) -> list[int]:
    """The steps of its checkpoints."""
    return sorted({checkpoint.step for checkpoint in run.checkpoints})


def resumed(run: RunData) -> list[int]:
    """The steps at which an attempt went on from a checkpoint."""
    steps = {row.get("step") for row in run.events if row.get("event") == "resuming"}
    return sorted(step for step in steps if isinstance(step, int) and not isinstance(step, bool))


def _thinned(steps: Sequence[int]) -> list[int]:
    if len(steps) <= MOST:
        return list(steps)
    return [steps[place] for place in np.linspace(0, len(steps) - 1, MOST).astype(int)]


def told(arms: Sequence[Arm]) -> list[str]:
    """What the marks say, for who cannot see them: a sentence for each kind and run."""
    found = []
    for arm in arms:
        of = f" of {arm.name}" if len(arms) > 1 else ""
        if steps := saved(arm.runs[0]):
            found.append(f"Marks at the foot: {len(steps):,} checkpoint{'s' * (len(steps) > 1)}{of}, {_listed(steps)}.")
        if steps := resumed(arm.runs[0]):
            found.append(f"Dotted lines: resumed{of}, {_listed(steps)}.")
    return found


def _listed(steps: Sequence[int]) -> str:
    if len(steps) == 1:
        return f"at step {steps[0]:,}"
    shown = [f"{step:,}" for step in steps]
    if len(steps) > LISTED:
        shown = [*shown[:3], "…", shown[-1]]
    return f"at steps {', '.join(shown)}"
