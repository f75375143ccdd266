"""The Hydra app behind `callsheet train`, `check` and `explain`: composition, modes, and what an error looks like."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

Task = Callable[["DictConfig", list[str]], int]


def run_app(name: str, task: Task, overrides: Sequence[str]) -> int:
    """Compose `overrides` and call `task` with the result, once or, with -m, once per combination.

    `task` gets the configuration and the overrides that were typed for it, and returns an exit code; the largest is
    returned. Raises `CallsheetError` for what Hydra refuses.
    """
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from callsheet import compose, logs
    from callsheet.complaints import plain

    compose.bind()
    outcomes: list[int | Exception] = []

    def call(config: DictConfig) -> None:
        chosen = HydraConfig.get()
        logs.show()  # Hydra has set up logging by now
        try:
            outcomes.append(task(config, list(chosen.overrides.task)))
        except Exception as error:
            if chosen.mode == RunMode.MULTIRUN:
                raise
            outcomes.append(error)  # kept from Hydra, which would announce it in words of its own

    app = hydra.main(
        version_base=compose.VERSION_BASE, config_path=f"pkg://{compose.CONFIG_MODULE}", config_name="config"
    )
    before, sys.argv = sys.argv, [f"callsheet {name}", *compose.translated(overrides)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing and exiting
    try:
        app(call)()
    except Exception as error:
        raise plain(error) from error
    finally:
        sys.argv = before
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise plain(outcome) from outcome
    return max((outcome for outcome in outcomes if isinstance(outcome, int)), default=0)
