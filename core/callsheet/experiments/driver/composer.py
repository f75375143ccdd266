"""Arms, composed one by one by the Hydra that runs, checked, and made into entries of the queue."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from callsheet.config.overrides import translated
from callsheet.config.plan import make_plan, make_plugins
from callsheet.errors import CallsheetError
from callsheet.experiments.arms import Arm
from callsheet.experiments.queue import Entry
from callsheet.experiments.queue.records import of
from callsheet.hooks import Plugin
from callsheet.preflight.preflight import require
from callsheet.run.train import check
from callsheet.values import dumps


@dataclass
class Composer:
    """Composes with what `common` overrides all arms have; keeps, for each plugin, the first arm that selects it."""

    common: Sequence[str]
    firsts: dict[str, DictConfig] = field(default_factory=dict)
    run_config: dict[str, Any] = field(default_factory=dict)

    def entries(self, arms: Sequence[Arm]) -> list[Entry]:
        """Raises `CallsheetError`, with the name of the arm, for what a run would refuse."""
        made: dict[str, Entry] = {}
        for arm in arms:
            entry = self._entry(arm)
            if (twin := made.get(str(entry.digest))) and not arm.stage:
                raise CallsheetError(f"The arms {twin.name} and {arm.name} are the same run: leave one of them out.")
            made[entry.name if arm.stage else str(entry.digest)] = entry
        return [*made.values()]

    def plugins(self) -> Mapping[str, Plugin]:
        return {name: make_plugins(config)[name] for name, config in self.firsts.items()}

    def _entry(self, arm: Arm) -> Entry:
        words = translated([*self.common, *arm.overrides])
        try:
            config = compose(words)
            plan = make_plan(config, words)
            require(check(plan))
        except CallsheetError as error:
            raise CallsheetError(f"Arm {arm.name}: {error}") from error
        for name in plan.plugins:
            self.firsts.setdefault(name, config)
        self.run_config = self.run_config or dict(plan.composed)
        content = dumps({**plan.composed, "output_dir": None})
        pairs = (item.partition("=") for item in arm.overrides)
        differs = {key: value for key, _, value in pairs}
        return of(arm, hashlib.sha256(content.encode()).hexdigest(), differs)


def compose(words: Sequence[str]) -> DictConfig:
    """What Hydra composes for a single run; ask while it runs. Raises `CallsheetError`."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from callsheet.config.hydra_errors import plain

    loader = GlobalHydra.instance().config_loader()
    name = str(HydraConfig.get().job.config_name)
    try:
        config = loader.load_configuration(name, [*words], RunMode.RUN)
    except Exception as error:
        raise plain(error) from error
    with open_dict(config):
        del config["hydra"]
    OmegaConf.set_struct(config, True)
    return config
