"""What an experiment asks, as far as its results need it: from its settings, or from what `experiment.json` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.disk.regular import shown
from callsheet.disk.typed import LARGE
from callsheet.experiments.places import RECORD
from callsheet.experiments.queue.directory import Named

if TYPE_CHECKING:
    from callsheet.config.experiment import ExperimentSettings


@dataclass(frozen=True)
class Sequential:
    """See `config.experiment.SequentialSettings`."""

    max_repeats: int | None = None


@dataclass(frozen=True)
class Asked:
    """See `config.experiment.ExperimentSettings`."""

    name: str = ""
    hypothesis: str = ""
    success_metric: str | None = None
    direction: str = "maximize"
    baseline: str | None = None
    benchmarks: tuple[str, ...] = ()
    sequential: Sequential = field(default_factory=Sequential)


@dataclass(frozen=True)
class Recorded:
    """What `experiment.json` says besides the arms, whose state the queue knows better."""

    name: str = ""
    experiment_id: str = ""
    callsheet: str = ""
    created: str = ""
    status: str = ""
    hypothesis: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    settings: Asked = field(default_factory=Asked)
    arms: tuple[Named, ...] = ()


def asked(settings: ExperimentSettings | Mapping[str, Any]) -> Asked:
    """What `settings` ask. Raises `Malformed` where they are a mapping with a value of a wrong type."""
    content = asdict(settings) if is_dataclass(settings) else dict(settings)
    return typed.convert(content, Asked, "experiment")


def recorded(directory: Path) -> Recorded:
    """The record of the experiment in `directory`. Raises `Malformed`, and OSError as `disk.regular.read` does."""
    Inside(directory, "the experiment's directory").refuse_link(RECORD)
    path = directory / RECORD
    return typed.read(path, Recorded, limit=LARGE, where=shown(path))
