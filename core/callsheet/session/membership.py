"""Which arm of an experiment this run is, by the file that its worker claimed; a plain run is an arm of none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from callsheet.disk import os_errors, typed
from callsheet.disk.typed import LARGE, Malformed
from callsheet.distributed.world import arm_file
from callsheet.errors import CallsheetError, sentences
from callsheet.records import LogContext
from callsheet.results import ArmResult
from callsheet.rundir import versions

RECORD = "experiment.json"
LEVELS = 2  # the experiment's directory holds arms/STATE/ARM.json
IN_RUN = ("name", "method", "group", "seed", "stage", "differs")  # of the claimed file, what run.json gets


@dataclass(frozen=True)
class Claimed:
    """What a run reads of `arms/active/<arm>.json`."""

    name: str
    method: str
    group: str | None = None
    seed: int | None = None
    stage: str | None = None
    weights: str | None = None
    differs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """What a run reads of `experiment.json`. `ids` are those that loggers left in the driver."""

    experiment_id: str
    ids: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Membership:
    """The place of this run in its experiment."""

    claimed: Claimed
    experiment: Experiment

    def join(self, ctx: LogContext) -> None:
        """Give `ctx` the ids of the experiment and its groups, and the name of the run's own group."""
        ctx.ids = {"experiment_id": self.experiment.experiment_id, **self.experiment.ids, **ctx.ids}
        ctx.group_name = self.claimed.group

    def result(self, run: str) -> ArmResult:
        """The arm as hooks get it, before the run has a result."""
        arm = self.claimed
        return ArmResult(
            run,
            group=arm.group,
            repeat=self._repeat,
            config=arm.differs,
            group_id=self.experiment.ids.get(f"group:{arm.group}"),
            method=arm.method,
            seed=arm.seed,
            stage=arm.stage,
            weights=arm.weights,
        )

    def as_dict(self) -> dict[str, Any]:
        """For `run.json`."""
        known = vars(self.claimed)
        return {"experiment_id": self.experiment.experiment_id, **{name: known[name] for name in IN_RUN}}

    @property
    def _repeat(self) -> int:
        """Which of the repeats, counted from 0."""
        first = self.experiment.settings.get("base_seed")
        return (self.claimed.seed or 0) - (first if isinstance(first, int) else 0) if self.claimed.seed else 0


def of_this_run() -> Membership | None:
    """The membership of the run that this process is, or a rank of. Raises `CallsheetError`."""
    if (path := arm_file()) is None:
        return None
    try:
        claimed = typed.read(path, Claimed)
        return Membership(claimed, typed.read(path.parents[LEVELS] / RECORD, Experiment, limit=LARGE))
    except FileNotFoundError as error:
        raise CallsheetError(
            f"{error.filename} is gone: another worker has taken this arm, or somebody removed it. "
            f"callsheet experiment status {path.parents[LEVELS]} says where it is."
        ) from error
    except Malformed as error:
        raise CallsheetError(sentences(str(error), versions.REPAIR)) from error
    except OSError as error:
        raise os_errors.Refused(os_errors.said(error, path)) from error
