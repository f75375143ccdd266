"""Whether a configuration is that of one run, or of an experiment with arms."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from callsheet.config.experiment import ExperimentSettings
from callsheet.config.experiment.reading import settings_of
from callsheet.errors import CallsheetError
from callsheet.screen import quoted


def is_plain(settings: ExperimentSettings) -> bool:
    """Whether these are the settings of one run, which has a name and no arms."""
    several = settings.repeats != 1 or settings.sequential.max_repeats is not None
    searched = settings.search.space or settings.search.halving.min_steps is not None
    return not (settings.arms or settings.matrix or settings.stages or searched or several)


def require_one_run(config: DictConfig, arm_file: Path | None = None) -> None:
    """Raise `CallsheetError` for an experiment with arms, unless this run is one of them, by its `arm_file`."""
    try:
        settings = settings_of(config)
    except OmegaConfBaseException:
        return  # which the plan says in full
    if arm_file is None and not is_plain(settings):
        chosen = _chosen() or settings.name
        raise CallsheetError(
            f"Experiment {quoted(settings.name)} is more than one run, and this command makes one. Run it by: "
            f"callsheet experiment experiment={chosen}"
        )


def _chosen() -> str:
    """What was typed, or stands in a file, for this option."""
    from hydra.core.hydra_config import HydraConfig

    typed = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    return next((str(item).partition("=")[2] for item in typed if str(item).lstrip("+").startswith("experiment=")), "")
