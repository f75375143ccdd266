"""From arms to runs that were composed and checked, all of them before the first begins."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig

from callsheet.config.experiment import ExperimentSettings
from callsheet.config.plan import Plan, make_plugins
from callsheet.config.schema import DatasetSettings
from callsheet.data.contents import looking_once
from callsheet.errors import CallsheetError
from callsheet.experiments import search
from callsheet.experiments.arms import Arm
from callsheet.experiments.composing import scores, trials, twins
from callsheet.experiments.composing.bases import Bases, Compose
from callsheet.experiments.composing.place import PLACE
from callsheet.experiments.composing.refusals import raise_for
from callsheet.experiments.composing.secrets import refuse_secrets
from callsheet.experiments.expanding.chains import refuse_seed
from callsheet.experiments.expanding.expand import SEEDED, for_all
from callsheet.hooks import Plugin
from callsheet.preflight.preflight import require_plan
from callsheet.records import PreflightReport
from callsheet.run.train import check


@dataclass(frozen=True)
class Composed:
    """One arm: its configuration, what preflight said of it, and what tells it from the others.

    `digest` is that of all that the run does, wherever it lies. `differs` are the arm's own overrides, by key. Its
    configuration and plan are made again when somebody asks: of 10,000 arms they would take gigabytes.
    """

    arm: Arm
    report: PreflightReport
    digest: str
    plugins: tuple[str, ...]
    dataset: DatasetSettings
    bases: Bases
    overrides: tuple[str, ...]

    @property
    def config(self) -> DictConfig:
        return self.bases.composed(self.overrides)

    @property
    def plan(self) -> Plan:
        return require_plan(self.config, [*self.bases.common, *self.overrides])

    @property
    def differs(self) -> dict[str, str]:
        pairs = (item.partition("=") for item in self.arm.overrides)
        return {key: value for key, _, value in pairs}


def composed(
    arms: Sequence[Arm],
    settings: ExperimentSettings,
    common: Sequence[str] = (),
    *,
    folder: Path | None = None,
    afresh: bool = False,
    compose: Compose | None = None,
) -> dict[str, Composed]:
    """Every arm by its name, composed from `common` and its own overrides, and checked as `callsheet check` does.

    With the experiment's `folder`, each arm lies in it; `afresh` checks none against the run that is there. Where a
    Hydra application runs, it composes, unless `compose` does. An arm that is searched is composed with the first
    values of its axes. Raises one `CallsheetError` for all that is wrong, with the names of the arms.
    """
    search.check(settings)
    refuse_secrets(for_all(settings))
    if any(arm.seed is not None for arm in arms):
        refuse_seed(common, "The command", SEEDED)
    bases = Bases([*common, *search.overrides(settings)], compose)
    tried = trials.with_stand_ins(arms, settings)
    made: dict[str, Composed] = {}
    wrong: dict[str, list[Arm]] = {}
    with looking_once():
        for arm in tried:
            for problem in dict.fromkeys(_problems(arm, settings, bases, folder, afresh, made)):
                wrong.setdefault(problem, []).append(arm)
    raise_for(wrong, tried, for_all(settings))
    twins.refuse_one_data_set([(each.arm, each.dataset) for each in made.values()])
    twins.refuse_twins([(each.arm, each.digest) for each in made.values()])
    return {arm.name: made.get(arm.name) or replace(made[trials.ENDS[0]], arm=arm) for arm in arms}


def _problems(
    arm: Arm,
    settings: ExperimentSettings,
    bases: Bases,
    folder: Path | None,
    afresh: bool,
    made: dict[str, Composed],
) -> list[str]:
    try:
        refuse_secrets(arm.overrides)
        place = [f"{PLACE}={folder / arm.name}"] if folder else []
        overrides = (*arm.overrides, *place)
        plan = require_plan(bases.composed(overrides), [*bases.common, *overrides])
        checked = replace(plan, run_dir=_unused(plan.run_dir)) if afresh else plan
        report, digest = check(checked), twins.digest_of(plan.composed)
        made[arm.name] = Composed(arm, report, digest, (*plan.plugins,), plan.dataset, bases, overrides)
        return [*report.problems, *scores.problems(settings, plan, arm)]
    except CallsheetError as error:
        return [str(error)]


def _unused(run_dir: Path) -> Path:
    """Where nothing lies, beside a run that goes on, or is moved aside: whether it may is asked elsewhere."""
    return run_dir.with_name(f".{run_dir.name}") if os.path.lexists(run_dir) else run_dir


def plugins_of(made: Mapping[str, Composed]) -> dict[str, Plugin]:
    """New instances of all plugins that some arm selects, each with the settings of the first arm that does."""
    firsts: dict[str, Composed] = {}
    for each in made.values():
        for name in each.plugins:
            firsts.setdefault(name, each)
    return {name: make_plugins(each.config)[name] for name, each in firsts.items()}
