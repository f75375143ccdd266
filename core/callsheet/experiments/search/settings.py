"""What a search reads of an experiment: its settings, or what a worker reads of them in `experiment.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from callsheet.config.experiment import SearchSettings


class Searched(Protocol):
    """See `config.experiment.ExperimentSettings`."""

    @property
    def success_metric(self) -> str | None: ...

    @property
    def direction(self) -> str: ...

    @property
    def search(self) -> SearchSettings: ...


def is_halved(settings: Searched) -> bool:
    """Whether arms are stopped early."""
    return settings.search.halving.min_steps is not None


def is_used(settings: Searched) -> bool:
    """Whether the experiment needs Optuna."""
    return bool(settings.search.space) or is_halved(settings)
