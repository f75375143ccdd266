"""`callsheet check` of an experiment: all of its arms, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from callsheet.config.experiment import ExperimentSettings
from callsheet.config.experiment.reading import settings_of
from callsheet.config.experiment.words import GROUP
from callsheet.config.hydra_errors import plain
from callsheet.config.overrides import as_typed
from callsheet.errors import counted, listed
from callsheet.experiments.arms import Arm
from callsheet.experiments.composing.compose import Composed, composed
from callsheet.experiments.composing.place import folder_of, is_place
from callsheet.experiments.composing.refusals import about
from callsheet.experiments.expanding.expand import arms_of, for_all
from callsheet.experiments.expanding.plain import is_plain


def has_arms(config: DictConfig) -> bool:
    """Whether `config` is that of an experiment with arms; False too for what the plan of a run refuses."""
    try:
        return not is_plain(settings_of(config))
    except OmegaConfBaseException:
        return False


def is_from_file() -> bool:
    """Whether `experiment=` chose a file, and not the name of a run; ask while Hydra runs."""
    from hydra.core.hydra_config import HydraConfig

    return bool(HydraConfig.get().runtime.choices.get(GROUP))


def checked(config: DictConfig, overrides: Sequence[str]) -> tuple[list[str], str, Path]:
    """Warnings, what was checked in a sentence, and the experiment's directory; ask while Hydra runs.

    Raises `CallsheetError`.
    """
    try:
        settings = settings_of(config)
    except OmegaConfBaseException as error:
        raise plain(error) from error
    typed = [as_typed(item) for item in overrides]
    common = for_all(settings, [item for item in typed if not is_place(item)])
    folder = folder_of(config, typed)
    made = composed(arms_of(settings), settings, common, folder=folder)
    return _warnings(made), _summary(settings, made, folder), folder


def _warnings(made: Mapping[str, Composed]) -> list[str]:
    arms = [each.arm for each in made.values()]
    found: dict[str, list[Arm]] = {}
    for each in made.values():
        for warning in each.report.warnings:
            found.setdefault(warning, []).append(each.arm)
    return [line for warning, those in found.items() for line in about(warning, those, arms)]


def _summary(settings: ExperimentSettings, made: Mapping[str, Composed], folder: Path) -> str:
    methods = list(dict.fromkeys(each.arm.method for each in made.values()))
    seeds = {each.arm.seed for each in made.values()} - {None}
    repeats = f", each with {counted(len(seeds), 'seed')}" if seeds else ""
    stages = f", in {len(settings.stages)} stages" if settings.stages else ""
    plugins = dict.fromkeys(name for each in made.values() for name in each.plugins)
    return (
        f"Nothing wrong found. Experiment {settings.name}: {counted(len(made), 'arm', form=',')} ({listed(methods)}"
        f"{repeats}{stages}). Plugins: {', '.join(plugins) or 'none'}. Directory: {folder}"
    )
