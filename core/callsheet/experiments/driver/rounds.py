"""The sequential option: another seed for every arm, until the verdict is decided."""

from __future__ import annotations

from dataclasses import replace

from callsheet.config.experiment import ExperimentSettings
from callsheet.experiments import results
from callsheet.experiments.driver.beginning import Begun


def next_round(begun: Begun) -> ExperimentSettings | None:
    """The settings with one more repeat; None where no seed is added."""
    settings = begun.asked.settings
    most = settings.sequential.max_repeats
    if most is None or settings.repeats >= most or not begun.queue.is_over:
        return None
    return None if results.of(begun.folder).is_decided else replace(settings, repeats=settings.repeats + 1)
