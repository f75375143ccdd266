"""Experiments that search, as their file would say it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from callsheet.config.experiment import ExperimentSettings, HalvingSettings, SearchSettings

LR = {"low": 1e-4, "high": 1e-1, "log": True}
Experiment = Callable[..., ExperimentSettings]


@pytest.fixture
def experiment() -> Experiment:
    """Settings of an experiment: those of its search, and others under their own names."""

    def made(
        space: dict[str, Any] | None = None, halving: HalvingSettings | None = None, **others: Any
    ) -> ExperimentSettings:
        search = {name: others.pop(name) for name in ("trials", "sampler", "seed") if name in others}
        given = {"success_metric": "eval_loss", "direction": "minimize", **others}
        settings = SearchSettings(space=space or {}, halving=halving or HalvingSettings(), **search)
        return ExperimentSettings(search=settings, **given)

    return made
