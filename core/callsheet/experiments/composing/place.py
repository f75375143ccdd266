"""Where the directory of an experiment is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from callsheet.config.hydra_errors import plain

PLACE = "output_dir"


def folder_of(config: DictConfig, overrides: Sequence[str]) -> Path:
    """The directory of the experiment: `output_dir` as it was typed, else the folder that a single run would lie in."""
    place = place_of(config)
    return place if any(map(is_place, overrides)) else place.parent


def place_of(config: DictConfig) -> Path:
    try:
        return Path(str(config.output_dir)).expanduser().absolute()
    except OmegaConfBaseException as error:
        raise plain(error) from error


def is_place(override: str) -> bool:
    return override.lstrip("+").partition("=")[0] == PLACE
