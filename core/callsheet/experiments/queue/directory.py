"""What workers read of `experiment.json`, and the refusal of a directory that is none of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from callsheet.config.experiment import SearchSettings
from callsheet.disk import os_errors, typed
from callsheet.disk.regular import shown
from callsheet.disk.typed import LARGE, Malformed
from callsheet.errors import CallsheetError, sentences
from callsheet.experiments.places import RECORD
from callsheet.rundir import versions

REPAIR = "Repair it, or begin the experiment again in another directory."


@dataclass(frozen=True)
class Command:
    """How every arm is started: `callsheet train FLAGS OVERRIDES…` in the folder `cwd`, before what the arm adds."""

    flags: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    cwd: str | None = None


@dataclass(frozen=True)
class Budget:
    """When no further arm begins; see `config.experiment.BudgetSettings`."""

    hours: float | None = None
    runs: int | None = None


@dataclass(frozen=True)
class Settings:
    """The settings of the experiment that workers heed."""

    budget: Budget = field(default_factory=Budget)
    success_metric: str | None = None
    direction: str = "maximize"
    search: SearchSettings = field(default_factory=SearchSettings)


@dataclass(frozen=True)
class Named:
    name: str


@dataclass(frozen=True)
class Experiment:
    """The record of an experiment, as far as its workers read it. `created` is a time as `rundir.now()` writes it.

    `arms` gives the order in which arms are begun; those that are not listed follow, by name.
    """

    name: str
    callsheet: str
    created: str
    command: Command
    settings: Settings = field(default_factory=Settings)
    arms: tuple[Named, ...] = ()

    @property
    def order(self) -> Mapping[str, int]:
        return {arm.name: number for number, arm in enumerate(self.arms)}

    @property
    def began(self) -> float:
        """When it was created, in seconds since 1970."""
        return datetime.fromisoformat(self.created).timestamp()


def opened(root: Path) -> Experiment:
    """The experiment at `root`, which is one of this version. Raises `CallsheetError`."""
    path = root / RECORD
    try:
        found = typed.read(path, Experiment, limit=LARGE)
        _ = found.began
    except (FileNotFoundError, NotADirectoryError):
        raise CallsheetError(_no_experiment(root)) from None
    except Malformed as error:
        raise CallsheetError(sentences(str(error), REPAIR)) from error
    except ValueError as error:
        raise CallsheetError(sentences(f"{shown(path)}: created is no time: {error}", REPAIR)) from error
    except OSError as error:
        raise os_errors.Refused(os_errors.said(error, path)) from error
    if found.callsheet != (here := versions.this_one()):
        raise CallsheetError(
            f"{shown(root)} is an experiment of Callsheet {found.callsheet}, and this is {here}. Arms of two "
            f"versions cannot be compared: install callsheet=={found.callsheet} here, or begin the experiment again."
        )
    return found


def _no_experiment(root: Path) -> str:
    if not root.is_dir():
        return f"{shown(root)} is not there, or is no folder: an experiment's directory was expected."
    run = " It holds a run, which callsheet status shows." if (root / "run.json").exists() else ""
    return f"{shown(root)} holds no {RECORD}, so it is no experiment's directory.{run}"
