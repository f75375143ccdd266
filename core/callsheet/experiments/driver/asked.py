"""What somebody asked for: an experiment that is composed and checked, and of which nothing was begun."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from callsheet.config.experiment import ExperimentSettings
from callsheet.experiments.driver.record import Command, Record
from callsheet.experiments.queue import Entry
from callsheet.hooks import Plugin
from callsheet.secrets import redact


@dataclass(frozen=True)
class Asked:
    """An experiment to begin, or to go on with, in `folder`.

    `arms_for` composes and checks the arms of settings that have more repeats than `settings`. `plugins` makes those
    of the driver: each as the first arm has it that selects it. `hydra` is Hydra's part of the configuration, which
    says which launcher starts workers; `processes` is how many an arm has on one machine, None for one for each GPU.
    """

    folder: Path
    settings: ExperimentSettings
    command: Command
    arms: Sequence[Entry]
    arms_for: Callable[[ExperimentSettings], Sequence[Entry]]
    plugins: Callable[[], Mapping[str, Plugin]]
    hydra: Any = None
    processes: int | None = 1
    run_config: Mapping[str, Any] = field(default_factory=dict)
    rerun: tuple[str, ...] = ()

    def record(self) -> Record:
        """What `experiment.json` of a new experiment says."""
        settings = self.settings
        return Record(settings.name, self.command, as_written(settings), hypothesis=settings.hypothesis)


def as_written(settings: ExperimentSettings) -> dict[str, Any]:
    """The settings for `experiment.json`, without secrets."""
    return dict(redact(asdict(settings)))
