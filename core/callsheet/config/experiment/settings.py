"""What an experiment's file may say: `experiment=NAME` selects `experiment/NAME.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from callsheet.settings import setting

MOST_ARMS = 10_000
MOST_SEED = 2**31 - 1  # numpy takes none above 2**32, also with all repeats


@dataclass
class BudgetSettings:
    """When no further arm begins. Those that run then go on to their end."""

    hours: float | None = setting(None, gt=0, help="Hours since the experiment began.")
    runs: int | None = setting(None, ge=1, help="Arms that may begin, resumed ones not counted again.")


@dataclass
class HalvingSettings:
    """Successive halving: arms that lag are stopped early, on the success metric as the run logs it."""

    min_steps: int | None = setting(None, ge=1, help="Steps that every arm takes; left out, halving is off.")
    factor: int = setting(3, ge=2, help="One in this many arms goes on from each rung.")


@dataclass
class SearchSettings:
    """Arms that are searched, not listed, by a sampler of Optuna; and arms that are stopped early."""

    space: dict[str, Any] = setting(
        {}, help="Axes: {low: 1e-4, high: 1e-2, log: true} or a list of choices, by setting."
    )
    trials: int = setting(20, ge=1, le=MOST_ARMS, help="Arms to try.")
    sampler: str = setting("TPESampler", help="A class of optuna.samplers.")
    seed: int = setting(0, ge=0, help="Of the sampler.")
    halving: HalvingSettings = field(default_factory=HalvingSettings)


@dataclass
class SequentialSettings:
    """Seeds are added until the verdict is decided; the share of false winners stays at 5 %."""

    max_repeats: int | None = setting(None, ge=3, help="Seeds of each arm at most; left out, `repeats` is fixed.")


@dataclass
class ExperimentSettings:
    """An experiment. A plain run has a name only."""

    name: str = "default"
    hypothesis: str = setting("", help="What is expected, in a sentence.")
    overrides: list[str] = setting([], help="Overrides for every arm.")
    arms: dict[str, Any] = setting(
        {}, help="By name, a list of overrides, a mapping of settings, or {overrides: […], weights: bema}."
    )
    matrix: dict[str, Any] = setting({}, help="Values by setting, whose product makes the arms; `exclude`, `include`.")
    repeats: int = setting(1, ge=1, help="Runs of each arm, with the same seeds for all arms.")
    base_seed: int = setting(0, ge=0, le=MOST_SEED, help="The first of these seeds.")
    stages: dict[str, Any] = setting(
        {}, help="By name, in their order, overrides; each begins with the final weights of the one before."
    )
    benchmarks: list[str] = setting([], help="What every arm must report, and the tables show; left out, all.")
    success_metric: str | None = setting(None, help="BENCHMARK.METRIC, or a metric of the trainer such as eval_loss.")
    direction: str = setting("maximize", choices=("maximize", "minimize"), help="What is better.")
    baseline: str | None = setting(None, help="The arm that the others are compared with; left out, the first.")
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    workers: int | None = setting(
        None,
        ge=1,
        help="Workers to start; left out, one for each set of GPUs, or on a cluster one for each arm, 64 at most.",
    )
    search: SearchSettings = field(default_factory=SearchSettings)
    sequential: SequentialSettings = field(default_factory=SequentialSettings)
