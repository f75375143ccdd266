"""`callsheet train -m`: the runs of a sweep of Hydra as the arms of an experiment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from omegaconf import DictConfig

from callsheet.config.overrides import as_typed
from callsheet.config.sweeps import differing, meant_for
from callsheet.errors import CallsheetError, sentences
from callsheet.experiments.arms import Arm
from callsheet.experiments.composing.place import is_place
from callsheet.experiments.expanding.naming import names_of_cells
from callsheet.privates.hydra import sweep_runs
from callsheet.screen import cut

BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


@dataclass(frozen=True)
class Sweep:
    """The arms of a sweep, and the overrides, as they could be typed, that all of them have."""

    arms: tuple[Arm, ...]
    common: tuple[str, ...]


def sweep_of(config: DictConfig, typed: Sequence[str], compose: Callable[[Sequence[str]], DictConfig]) -> Sweep:
    """What `typed`, in Hydra's words, and the `hydra.sweeper.params` of `config` come to; ask while Hydra runs.

    `compose` gives the configuration of one run. Raises `CallsheetError` for a sweep that cannot be meant.
    """
    _refuse_other_sweepers(config)
    _refuse_intervals(typed)
    runs = [[item for item in run if not is_place(item)] for run in sweep_runs(config)]
    if not runs:
        raise CallsheetError("-m makes no run: one of the sweeps has no value, as glob(*) has for what is no option.")
    name = str(config.hydra.job.config_name)
    meant = [meant_for(run, typed, partial(compose, run), name) for run in runs]
    _refuse_twice(runs)
    cells = [_values(differing(run, typed)) for run in runs]
    swept = {key for cell in cells for key in cell}
    same = [item for item in meant[0] if all(item in run for run in meant)]
    common = [item for item in same if as_typed(item).partition("=")[0] not in swept]
    return Sweep(
        tuple(
            Arm(label, method=label, overrides=tuple(as_typed(item) for item in run if item not in common))
            for label, run in zip(names_of_cells(cells) if any(cells) else ["run"], meant, strict=True)
        ),
        tuple(map(as_typed, common)),
    )


def _values(cell: Mapping[str, str]) -> dict[str, Any]:
    """What Hydra reads in the texts of a cell: `[a,b]` is a list."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create()
    return {key: parser.parse_override(f"x={value}").value() for key, value in cell.items()}


def _refuse_twice(runs: Sequence[Sequence[str]]) -> None:
    for number, run in enumerate(runs):
        if run in runs[:number]:
            said = " ".join(map(as_typed, run))
            raise CallsheetError(f"-m makes the same run twice: {cut(said)}. Write each value once.")


def _refuse_intervals(typed: Sequence[str]) -> None:
    for item in typed:
        if re.search(r"=\s*(tag\(.*)?interval\(", item):
            raise CallsheetError(
                f"{as_typed(item)} names no values. List them, as in 1e-5,1e-4 or range(1,5), or search in an interval "
                "by experiment.search (docs/experiments.md)."
            )


def _refuse_other_sweepers(config: DictConfig) -> None:
    target: Any = config.hydra.sweeper.get("_target_")
    if target != BASIC:
        raise CallsheetError(
            sentences(
                f"hydra/sweeper is {target}, which chooses a run by what the ones before returned",
                "Callsheet searches with experiment.search: callsheet experiment --help",
            )
        )
