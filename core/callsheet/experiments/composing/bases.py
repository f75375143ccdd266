"""One composition for each choice of options, into which the values of an arm are merged as Hydra merges them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from omegaconf import DictConfig, OmegaConf, open_dict

from callsheet.config.experiment.reading import WRITTEN
from callsheet.config.hydra_errors import ONE_EACH, plain
from callsheet.config.overrides import translated
from callsheet.errors import CallsheetError
from callsheet.privates import hydra

Compose = Callable[[Sequence[str]], DictConfig]
# Keys without a dot that hold a value; each other one may choose an option, which Hydra alone can tell.
OF_ARMS = tuple(f"experiment.{name}" for name in WRITTEN)
VALUES = ("output_dir", "resume", "branch")


class Bases:
    """Composes runs that have the overrides `common`; Hydra does it once for each choice of options."""

    def __init__(self, common: Sequence[str], compose: Compose | None = None) -> None:
        self.common = [*common]
        self._compose = compose or compose_here
        self._made: dict[tuple[str, ...], DictConfig] = {}

    def composed(self, overrides: Sequence[str]) -> DictConfig:
        """What `common` and `overrides` compose to. Raises `CallsheetError`."""
        choices = tuple(item for item in overrides if chooses(item))
        if choices not in self._made:
            self._made[choices] = _without_arms(self._compose([*self.common, *choices]))
        config = copy.deepcopy(self._made[choices])
        try:
            hydra.apply(translated([item for item in overrides if not chooses(item)]), config)
        except Exception as error:
            raise _of_an_arm(plain(error)) from error
        return config


def _of_an_arm(error: Exception) -> Exception:
    """An arm is a single run, and -m would not be for it."""
    said = str(error).replace(ONE_EACH, "list the values below 'matrix:' for an arm with each")
    return CallsheetError(said) if said != str(error) else error


def _without_arms(config: DictConfig) -> DictConfig:
    """What a run records none of, and each copy would hold."""
    for name in OF_ARMS:
        OmegaConf.update(config, name, [] if name.endswith("overrides") else {}, merge=False)
    return config


def chooses(override: str) -> bool:
    """Whether an override may choose an option of a group, and so more than the value that it names.

    >>> chooses("peft=lora"), chooses("~plugins=bema"), chooses("trainer.args.seed=3"), chooses("plugins={a: {x: 1}}")
    (True, True, False, True)
    """
    key = override.lstrip("+~").partition("=")[0]
    return ("." not in key and key not in VALUES) or key.startswith("hydra.") or override.startswith("~")


def compose_here(overrides: Sequence[str]) -> DictConfig:
    """What the Hydra that runs composes for a single run; Callsheet's own where none runs. Raises `CallsheetError`."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from callsheet.config.compose import compose
    from callsheet.config.sweeps import refuse_idle_removal

    if not HydraConfig.initialized():
        return compose(overrides)
    loader, name = GlobalHydra.instance().config_loader(), str(HydraConfig.get().job.config_name)
    try:
        words = translated(overrides)
        config = loader.load_configuration(name, words, RunMode.RUN)
        refuse_idle_removal(words, name)
    except Exception as error:
        raise plain(error) from error
    with open_dict(config):
        del config["hydra"]
    OmegaConf.set_struct(config, True)
    return config
