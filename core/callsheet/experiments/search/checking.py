"""What is wrong with the search and the halving of an experiment, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError
from callsheet.experiments.search import halving, samplers
from callsheet.experiments.search import space as spaces
from callsheet.experiments.search.journal import MISSING
from callsheet.experiments.search.settings import is_used

if TYPE_CHECKING:
    from callsheet.config.experiment import ExperimentSettings


def check(settings: ExperimentSettings) -> None:
    """Raise one `CallsheetError` with a line for everything that is wrong; nothing is said where neither is used."""
    if wrong := [*_problems(settings)]:
        raise CallsheetError("\n".join(wrong))


def examples(settings: ExperimentSettings) -> list[tuple[str, ...]]:
    """The overrides of two arms that a search may try: of the first values of all axes, and of the last ones.

    Composed before the first arm begins, they find an axis that is no setting, and values that it does not take.
    """
    axes = settings.search.space
    ends = [{name: spaces.ends(axis)[place] for name, axis in axes.items()} for place in (0, 1)]
    return [spaces.overrides(end) for end in ends] if axes else []


def _problems(settings: ExperimentSettings) -> Iterator[str]:
    search = settings.search
    if not is_used(settings):
        return
    user = "search" if search.space else "search.halving"
    if find_spec("optuna") is None:
        yield f"experiment.{user} {MISSING}"
        return
    if not settings.success_metric:
        yield f"experiment.{user} needs a metric to go by. Set experiment.success_metric."
    wrong = [*spaces.problems(search.space)]
    yield from wrong
    if search.space and not wrong:
        yield from samplers.problems(search)
    if search.space and settings.repeats > 1:
        yield (
            f"experiment.repeats is {settings.repeats}, and a search tries each arm once. Write repeats: 1, and repeat "
            "its best arms in an experiment of their own."
        )
    yield from halving.problems(settings)
