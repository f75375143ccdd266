"""Arms that are searched have no values before a worker claims them: two others stand for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from callsheet.config.experiment import ExperimentSettings
from callsheet.experiments import search
from callsheet.experiments.arms import Arm

ENDS = ("the first values of the search", "its last values")


def with_stand_ins(arms: Sequence[Arm], settings: ExperimentSettings) -> list[Arm]:
    """The arms that are listed, and in place of the others one with the first values of all axes, one with the last."""
    searched = [arm for arm in arms if arm.trial is not None]
    ends = zip(ENDS, search.examples(settings), strict=False) if searched else ()
    stand_ins = [replace(searched[0], name=name, method=name, overrides=overrides) for name, overrides in ends]
    return [*(arm for arm in arms if arm.trial is None), *stand_ins]
