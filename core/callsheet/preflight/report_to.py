"""Checks of `trainer.args.report_to`: does transformers know the name, and is its package installed?"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from callsheet.errors import did_you_mean
from callsheet.values import names_of

# The names that transformers knows, each with modules of which one must be installed.
NEEDS = {
    "azure_ml": ("azureml",),
    "clearml": ("clearml",),
    "codecarbon": ("codecarbon",),
    "comet_ml": ("comet_ml",),
    "dagshub": ("dagshub",),
    "dvclive": ("dvclive",),
    "flyte": ("flytekit",),
    "kubeflow": (),
    "mlflow": ("mlflow",),
    "neptune": ("neptune",),
    "swanlab": ("swanlab",),
    "tensorboard": ("tensorboard", "tensorboardX"),
    "trackio": ("trackio",),
    "wandb": ("wandb",),
}


def problems(report_to: Any) -> list[str]:
    """List the problems of `trainer.args.report_to`, which is a name or a list of names."""
    names = names_of(report_to)
    if names in (["none"], ["all"]):
        return []
    return [problem for name in names if (problem := _problem(name))]


def _problem(name: str) -> str:
    if name not in NEEDS:
        known = ", ".join(["none", "all", *NEEDS])
        return (
            f"trainer.args.report_to={name} is unknown to transformers.{did_you_mean(name, NEEDS)} It knows: {known}."
        )
    if NEEDS[name] and not any(map(find_spec, NEEDS[name])):
        return f"trainer.args.report_to={name} needs a package that is not installed: pip install {NEEDS[name][0]}"
    return ""
