"""The runs of one method: a run for each seed, and in it one for each stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callsheet.config.experiment import ExperimentSettings
from callsheet.errors import CallsheetError
from callsheet.experiments.arms import Arm
from callsheet.experiments.expanding.forms import key_of, overrides_of
from callsheet.experiments.expanding.methods import Method
from callsheet.experiments.expanding.naming import refuse_twins, require_folder
from callsheet.screen import quoted

SEED = "trainer.args.seed"
STAGES = "experiment.stages"
Stage = tuple[str, tuple[str, ...]]


def seeds_of(settings: ExperimentSettings) -> list[int | None]:
    """The seeds of every method; one None if nothing is repeated, and each run keeps the seed of its configuration."""
    if settings.repeats == 1 and not settings.sequential.max_repeats:
        return [None]
    return [settings.base_seed + number for number in range(settings.repeats)]


def stages_of(written: Mapping[str, Any]) -> list[Stage]:
    """The stages with their overrides, in their order; raises `CallsheetError` for a chain of one."""
    stages = [
        (require_folder(str(name), STAGES), overrides_of(own, f"{STAGES}.{name}")) for name, own in written.items()
    ]
    refuse_twins([name for name, _ in stages], STAGES)
    if len(stages) == 1:
        raise CallsheetError(f"{STAGES} has one stage, {stages[0][0]}: a chain has two or more. Leave it out.")
    for name, overrides in stages:
        refuse_seed(overrides, f"{STAGES}.{name}", "every stage of a run has the same seed")
        if said := next((item for item in overrides if key_of(item) == "model.path"), ""):
            raise CallsheetError(f"{STAGES}.{name} sets {quoted(said)}, but it begins where the stage before ended.")
    return stages


def runs_of(method: Method, seed: int | None, stages: Sequence[Stage]) -> Iterator[Arm]:
    """The runs of `method` with `seed`, each stage after the one before."""
    name = method.name if seed is None else f"{method.name}__s{seed}"
    own = () if seed is None else (f"{SEED}={seed}",)
    group = method.name if stages or seed is not None else None
    about: dict[str, Any] = {"method": method.name, "group": group, "seed": seed, "weights": method.weights}
    if not stages:
        yield Arm(name, overrides=(*method.overrides, *own), **about)
    before = None
    for stage, overrides in stages:
        arm = Arm(
            f"{name}__{stage}", overrides=(*method.overrides, *overrides, *own), stage=stage, after=before, **about
        )
        yield arm
        before = arm.name


def refuse_seed(overrides: Sequence[str], where: str, why: str) -> None:
    """Raise `CallsheetError` if one of `overrides` sets the seed, which would change nothing."""
    for item in overrides:
        if "seed" in item and _sets_seed(item):
            advice = "Set experiment.base_seed, the first of them."
            raise CallsheetError(f"{where} sets {quoted(item)}, but {why}. {advice}")


def _sets_seed(override: str) -> bool:
    key = key_of(override)
    below = SEED.removeprefix(f"{key}.")
    if key == SEED or below == SEED:
        return key == SEED
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        found: Any = OverridesParser.create().parse_override(override).value()
    except HydraException:
        return False  # which composing says
    for part in below.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found is not None
