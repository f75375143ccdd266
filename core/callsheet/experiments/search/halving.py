"""Successive halving: which plugin stops arms early, with which settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from callsheet.experiments.expanding.forms import text_of
from callsheet.experiments.search.settings import Searched, is_halved

if TYPE_CHECKING:
    from callsheet.config.experiment import ExperimentSettings

PLUGIN = "halving"
WHERE = "experiment.search.halving"


def overrides(settings: Searched) -> list[str]:
    """What every arm needs so that it is stopped early, for the command of its run; nothing where halving is off.

    They are the same for all arms: the plugin finds the journal in the folder above the run directory, and its trial by
    the name of the run.
    """
    if not is_halved(settings):
        return []
    of = f"plugins.{PLUGIN}"
    return [
        f"+plugins={PLUGIN}",
        f"{of}.metric={text_of(settings.success_metric)}",
        f"{of}.direction={settings.direction}",
        f"{of}.min_steps={settings.search.halving.min_steps}",
        f"{of}.factor={settings.search.halving.factor}",
    ]


def problems(settings: ExperimentSettings) -> Iterator[str]:
    """Why arms of this experiment cannot be stopped early: what is compared must have had the same chances."""
    if not is_halved(settings):
        return
    if settings.repeats > 1 or settings.sequential.max_repeats:
        yield (
            f"{WHERE} would stop some seeds of an arm and leave the lucky ones, which no verdict could make up for. "
            "Write repeats: 1, and repeat the best arms in an experiment of their own."
        )
    if settings.stages:
        yield f"{WHERE} would compare the steps of one stage with those of another. Leave stages or halving out."
