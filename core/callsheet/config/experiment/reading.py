"""The settings of an experiment from a configuration; what its arms set is left as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from callsheet.config.experiment.settings import ExperimentSettings
from callsheet.config.experiment.words import GROUP

# Text of overrides, whose interpolations are those of the arm.
WRITTEN = ("arms", "matrix", "stages", "overrides")
RECORDED = ("name", "hypothesis")  # with each run; the rest stands in experiment.json
OF_ARMS = tuple(f"{GROUP}.{name}" for name in (*WRITTEN, "search"))


def settings_of(config: DictConfig) -> ExperimentSettings:
    """The section `experiment` of `config`; raises what OmegaConf does for a value of the wrong type."""
    section = config[GROUP]
    written = cast("dict[str, Any]", OmegaConf.to_container(section, resolve=False))
    known = {field.name for field in fields(ExperimentSettings)}
    rest = {name: section[name] for name in map(str, section) if name in known and name not in WRITTEN}
    if OmegaConf.get_type(section) is not ExperimentSettings:
        merged = cast(DictConfig, OmegaConf.merge(_schema(), rest))
        rest = {str(name): merged[name] for name in merged}
    made = ExperimentSettings(**{name: _object(rest[name]) for name in rest if name not in WRITTEN})
    for name in WRITTEN:
        setattr(made, name, written[name])
    return made


def _object(value: Any) -> Any:
    return OmegaConf.to_object(value) if OmegaConf.is_config(value) else value


@cache
def _schema() -> DictConfig:
    """Not to be changed: merging copies it."""
    return cast(DictConfig, OmegaConf.structured(ExperimentSettings))


def recorded(section: Mapping[str, Any] | str) -> dict[str, Any]:
    """What of the section stands in the record of a run, which is one of perhaps thousands."""
    if isinstance(section, str):
        return {"name": section}
    return {name: section[name] for name in RECORDED if section.get(name)}
