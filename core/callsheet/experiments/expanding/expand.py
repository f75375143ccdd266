"""From the settings of an experiment to its arms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from callsheet.config.experiment import MOST_ARMS, ExperimentSettings
from callsheet.errors import CallsheetError, OutOfRange, together
from callsheet.experiments.arms import Arm
from callsheet.experiments.expanding.chains import refuse_seed, runs_of, seeds_of, stages_of
from callsheet.experiments.expanding.forms import overrides_of
from callsheet.experiments.expanding.matrix import size_of
from callsheet.experiments.expanding.methods import ALONE, ARMS, Method, methods_of
from callsheet.experiments.expanding.naming import LONGEST, refuse_twins
from callsheet.experiments.expanding.plain import is_plain
from callsheet.experiments.expanding.questions import refuse_unanswerable
from callsheet.screen import quoted
from callsheet.settings import check_settings

OVERRIDES = "experiment.overrides"
SEEDED = "repeats give every arm the same seeds"
LONGEST_NAME = LONGEST + 60  # with the seed and the stage


def arms_of(settings: ExperimentSettings) -> list[Arm]:
    """Every arm: all methods with the first seed, then with the next one, each followed by its stages; then trials.

    Raises `CallsheetError` for what cannot be meant. It composes nothing: see `composing`.
    """
    _check_ranges(settings)
    _refuse_many(settings)
    methods, seeds, stages = _methods(settings), seeds_of(settings), stages_of(settings.stages)
    common = for_all(settings)
    if seeds != [None]:
        refuse_seed(common, OVERRIDES, SEEDED)
        for method in methods:
            refuse_seed(method.overrides, f"{ARMS}.{method.name}", SEEDED)
    refuse_unanswerable(settings, [method.name for method in methods])
    runs = [arm for seed in seeds for method in methods for arm in runs_of(method, seed, stages)]
    arms = [*runs, *_trials(settings)]
    _require_names(arms)
    return arms


def for_all(settings: ExperimentSettings, typed: Sequence[str] = ()) -> list[str]:
    """The overrides of every arm: those of the file, then those that were `typed`, which win. Its own come last.

    Raises `CallsheetError` for what no arm can set.
    """
    return [*overrides_of([*settings.overrides], OVERRIDES), *typed]


def _check_ranges(settings: ExperimentSettings) -> None:
    parts = {
        "experiment": settings,
        "experiment.budget": settings.budget,
        "experiment.search": settings.search,
        "experiment.search.halving": settings.search.halving,
        "experiment.sequential": settings.sequential,
    }
    try:
        together(*(partial(check_settings, part, name) for name, part in parts.items()))
    except OutOfRange as error:  # which nobody looks behind here, and so its file and line are said
        raise CallsheetError(str(error)) from error


def _methods(settings: ExperimentSettings) -> list[Method]:
    methods = methods_of(settings)
    if methods or settings.search.space:
        return methods
    if is_plain(settings):
        raise CallsheetError(
            f"Experiment {quoted(settings.name)} has no arms: its file lists them below 'arms:' or 'matrix:'."
        )
    return [Method(ALONE)]


def _refuse_many(settings: ExperimentSettings) -> None:
    """Before anything is expanded."""
    cells = size_of(settings.matrix)
    methods = max(len(settings.arms), 1) * max(cells, 1)
    repeats = max(settings.repeats, settings.sequential.max_repeats or 0)
    trials = settings.search.trials if settings.search.space else 0
    runs = methods * repeats * max(len(settings.stages), 1) + trials
    if runs > MOST_ARMS:
        raise CallsheetError(
            f"Experiment {quoted(settings.name)} makes {runs:,} arms; {MOST_ARMS:,} are the most. {_fewer(settings)}"
        )


def _fewer(settings: ExperimentSettings) -> str:
    """What to change first; the setting that it names is looked for in the file."""
    if settings.matrix:
        return "Leave out values of experiment.matrix, or lower experiment.repeats."
    if settings.sequential.max_repeats:
        return "Lower experiment.sequential.max_repeats."
    return "Lower experiment.repeats, or leave out some of experiment.arms."


def _trials(settings: ExperimentSettings) -> list[Arm]:
    if not settings.search.space:
        return []
    if settings.stages:
        raise CallsheetError("experiment.search and experiment.stages: trials have no stages. Leave one of them out.")
    names = [f"trial-{number}" for number in range(settings.search.trials)]
    return [Arm(name, method=name, trial=number) for number, name in enumerate(names)]


def _require_names(arms: Sequence[Arm]) -> None:
    refuse_twins([arm.name for arm in arms], "experiment")
    for arm in arms:
        if len(arm.name.encode()) > LONGEST_NAME:
            raise CallsheetError(f"The arm {quoted(arm.name)} has a name of more than {LONGEST_NAME} bytes.")
