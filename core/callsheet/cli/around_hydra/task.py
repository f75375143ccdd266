"""What Hydra calls with each configuration that it composed, and what an error in it looks like."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from callsheet.distributed.world import world
from callsheet.errors import CallsheetError

if TYPE_CHECKING:
    import logging

    from omegaconf import DictConfig

Task = Callable[["DictConfig", list[str]], int]


class HydraTask:
    """What Hydra calls, once per run. A launcher such as submitit's may pickle it and call it in another process."""

    def __init__(self, task: Task, typed: Sequence[str], *, trains: bool = False) -> None:
        self.task, self.typed = task, [*typed]  # the overrides, without flags
        self.trains = trains
        self.process = os.getpid()
        self.outcomes: list[int | Exception] = []
        self.started = False

    def __call__(self, config: DictConfig) -> int:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from callsheet.distributed.slurm import join_slurm
        from callsheet.process import gc_pause, logs

        gc_pause.resume()
        if self.trains:  # before anything is said: one rank says it
            join_slurm(os.environ, int(config.launch.nodes), config.launch.processes)
        self.started = True
        chosen = HydraConfig.get()
        logs.show()  # Hydra has set up logging by now
        in_sweep = chosen.mode == RunMode.MULTIRUN
        try:
            if in_sweep:
                self._say_which(chosen.job.num, chosen.overrides.task)
            code = self.task(config, self._meant(config))
        except Exception as error:
            if os.getpid() != self.process:
                raise  # only Hydra can carry it home
            error = located(error)
            if in_sweep:
                _logger().error("Run %s of the sweep failed: %s", chosen.job.num, _in_a_line(error))
            self.outcomes.append(error)  # kept from Hydra, which would announce it in words of its own
            return 1
        self.outcomes.append(code)
        return code

    def sweep(self, swept: Task, config: DictConfig) -> None:
        """What Hydra calls for a sweep as a whole: `swept` gets what was typed, in Hydra's words."""
        from callsheet.process import gc_pause, logs

        gc_pause.resume()
        self.started = True
        logs.show()
        try:
            self.outcomes.append(swept(config, self.typed))
        except Exception as error:
            self.outcomes.append(located(error))  # kept from Hydra, as above

    def _meant(self, config: DictConfig) -> list[str]:
        """The overrides that mean something to this run; what is idle is refused, or said."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from callsheet.config.origins import overruled_presets
        from callsheet.config.overrides import shown_secrets
        from callsheet.config.sweeps import meant_for, refuse_idle_removal

        chosen = HydraConfig.get()
        overrides, name = list(map(str, chosen.overrides.task)), str(chosen.job.config_name)
        if world().is_driven:
            return overrides  # its driver has looked already
        for said in (*overruled_presets(), *shown_secrets(self.typed)) if world().is_main else ():
            _logger().warning("%s", said)
        if chosen.mode == RunMode.MULTIRUN:
            return meant_for(overrides, self.typed, lambda: config, name)
        refuse_idle_removal(overrides, name)
        return overrides

    def _say_which(self, number: int, overrides: Sequence[str]) -> None:
        """Say what is special about this run of the sweep."""
        from callsheet.config.sweeps import differing
        from callsheet.secrets import redact_override

        own = (redact_override(f"{key}={value}") for key, value in differing(overrides, self.typed).items())
        _logger().info("Run %s of the sweep: %s", number, " ".join(own))


@contextmanager
def locating(config: DictConfig) -> Iterator[None]:
    """Say in which file and line the settings stand that are refused before Hydra knows `config` as this run's."""
    from hydra.core.hydra_config import HydraConfig

    known, before = HydraConfig.instance(), HydraConfig.instance().cfg
    try:
        yield
    except CallsheetError as error:
        known.set_config(config)
        raise located(error) from error
    finally:
        known.cfg = before


def located(error: Exception) -> Exception:
    """The same mistake, with the file and line of each setting that it names."""
    from callsheet.config import origins

    if type(error) is not CallsheetError or world().is_driven or (said := origins.located(str(error))) == str(error):
        return error
    made = CallsheetError(said).with_traceback(error.__traceback__)
    made.__cause__, made.__dict__ = error.__cause__, error.__dict__
    return made


def _logger() -> logging.Logger:
    import logging  # which listing plugins does without

    return logging.getLogger("callsheet")


def _in_a_line(error: Exception) -> str:
    from callsheet.config.hydra_errors import plain
    from callsheet.secrets import redact_text

    said = plain(error)
    kind = "" if isinstance(said, CallsheetError) else f"{type(said).__name__}: "
    return redact_text(" ".join([f"{kind}{said}", *getattr(said, "__notes__", ())]))
