"""The Hydra app behind `callsheet train`, `check` and `explain`: composition, modes, and what an error looks like."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from omegaconf import DictConfig

Task = Callable[["DictConfig", list[str]], int]


class Job:
    """What Hydra calls, once per run. A launcher such as submitit's may pickle it and call it in another process."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.outcomes: list[int | Exception] = []

    def __call__(self, config: DictConfig) -> int:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from callsheet import logs

        chosen = HydraConfig.get()
        logs.show()  # Hydra has set up logging by now
        try:
            code = self.task(config, list(chosen.overrides.task))
        except Exception as error:
            if chosen.mode == RunMode.MULTIRUN:
                raise
            self.outcomes.append(error)  # kept from Hydra, which would announce it in words of its own
            return 1
        self.outcomes.append(code)
        return code


def run_app(name: str, task: Task, overrides: Sequence[str]) -> int:
    """Compose `overrides` and call `task` with the result, once or, with -m, once per combination.

    `task` gets the configuration and the overrides that were typed for it, and returns an exit code; the largest is
    returned. Raises `CallsheetError` for what Hydra refuses.
    """
    import hydra

    from callsheet import compose

    compose.bind()
    job = Job(task)
    app = hydra.main(
        version_base=compose.VERSION_BASE, config_path=f"pkg://{compose.CONFIG_MODULE}", config_name="config"
    )
    before, sys.argv = sys.argv, [f"callsheet {name}", *compose.translated(overrides)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing and exiting
    try:
        app(job)()
    except Exception as error:
        _raise_plainly(error)
    finally:
        sys.argv = before
    for outcome in job.outcomes:
        if isinstance(outcome, Exception):
            _raise_plainly(outcome)
    return max((outcome for outcome in job.outcomes if isinstance(outcome, int)), default=0)


def _raise_plainly(error: Exception) -> NoReturn:
    from callsheet.complaints import plain

    said = plain(error)
    if said is error:
        raise error  # from itself, it would lose what it was raised from
    raise said from error
