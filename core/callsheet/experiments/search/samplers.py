"""The sampler: a class of optuna.samplers by its name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from inspect import Parameter, isabstract, isclass, signature
from typing import TYPE_CHECKING, Any

from callsheet.config.experiment import MOST_ARMS
from callsheet.errors import counted, did_you_mean
from callsheet.experiments.search import space as spaces
from callsheet.experiments.search.journal import quiet

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from callsheet.config.experiment import SearchSettings

WHERE = "experiment.search.sampler"
FINITE = ("GridSampler", "BruteForceSampler")  # these try each combination once
GIVEN = {"search_space"}  # arguments without a default that we have a value for


def made(search: SearchSettings, number: int) -> BaseSampler:
    """The sampler for the trial `number`, made anew in each process.

    Its seed depends on the number, or every process would draw the same values. GridSampler shuffles the grid by its
    seed, and takes from it by number.
    """
    import numpy as np

    kind = offered()[search.sampler]
    taken = signature(kind).parameters
    seed = np.random.SeedSequence([search.seed, *([number] if "search_space" not in taken else [])])
    ours: dict[str, Any] = {
        "seed": int(seed.generate_state(1)[0]),
        "search_space": spaces.grid(search.space) if "search_space" in taken else None,
        "constant_liar": True,  # arms that run now count as bad ones: workers then try different places
        "warn_independent_sampling": False,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a sampler is experimental
        return kind(**{name: value for name, value in ours.items() if name in taken})


def offered() -> dict[str, type[BaseSampler]]:
    """The samplers that need no more than what an experiment says, by name."""
    import optuna

    found: dict[str, Any] = {name: getattr(optuna.samplers, name) for name in optuna.samplers.__all__}
    return {name: kind for name, kind in found.items() if _is_usable(kind)}


def problems(search: SearchSettings) -> Iterator[str]:
    """What is wrong with the sampler, for this space and so many trials; the space itself has no problems."""
    known = offered()
    if search.sampler not in known:
        names = ", ".join(known)
        yield f"{WHERE} is {search.sampler!r}.{did_you_mean(search.sampler, known)} Experiments can use: {names}."
        return
    if search.sampler in FINITE and (said := _problem_of_finite(search)):
        yield said
        return
    try:
        _try(search)
    except ImportError as error:
        cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error  # Optuna 4 wraps it
        package = (cause.name or "").partition(".")[0]
        needs = f"needs the package {package}: pip install {package}" if package else f"lacks something: {error}"
        yield f"{WHERE} is {search.sampler!r}, which {needs}."
    except ValueError as error:
        yield f"{WHERE} is {search.sampler!r}, which refuses this space: {error}"


def _try(search: SearchSettings) -> None:
    """Draw twice in memory: some samplers import what they need only once a first trial is over."""
    import optuna

    with quiet():
        study = optuna.create_study()
        for number in range(2):
            study.sampler = made(search, number)
            trial = study.ask()
            for name, axis in search.space.items():
                spaces.suggest(trial, name, axis)
            study.sampler = optuna.samplers.RandomSampler()
            study.tell(trial, 0.0)


def _problem_of_finite(search: SearchSettings) -> str:
    combinations = spaces.size(search.space)
    if combinations is None:
        axis = spaces.endless(search.space)[0]
        return (
            f"{WHERE} is {search.sampler!r}, which tries every value, and {spaces.WHERE}.{axis} has no end of them. "
            "Give it a step, or write a list of choices."
        )
    if combinations > MOST_ARMS:
        return (
            f"{WHERE} is {search.sampler!r}, which lists all combinations, and the space has {combinations:,} of them. "
            f"At most {MOST_ARMS:,} can be listed: take fewer values, or another sampler."
        )
    if combinations < search.trials:
        return (
            f"experiment.search.trials is {search.trials}, and the space has {counted(combinations, 'combination')}. "
            f"{search.sampler} tries each once: write trials: {combinations} at most."
        )
    return ""


def _is_usable(kind: Any) -> bool:
    if not isclass(kind) or isabstract(kind):
        return False
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    arguments = [each for each in signature(kind).parameters.values() if each.kind in named]
    needed = {each.name for each in arguments if each.default is Parameter.empty}
    return needed <= GIVEN
