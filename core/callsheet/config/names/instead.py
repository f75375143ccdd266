"""Settings that exclude each other: one that is typed takes the place of one from a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

# What to train on, and what to evaluate on: each setting with the value that says nothing.
CHOICES: tuple[dict[str, Any], ...] = (
    {"dataset.path": None, "dataset.mixture": []},
    {"dataset.eval": {}, "dataset.eval_path": None, "dataset.test_split_size": None},
)


def settle(config: DictConfig, overrides: Sequence[str] = ()) -> None:
    """Empty what a file chose where an override chooses another: `recipe=demo 'dataset.eval={a: a.jsonl}'`.

    Two that are typed stay, and are refused later.
    """
    typed = {*_chosen(overrides), *_chosen(_of_hydra())}
    for choices in CHOICES:
        named = [choice for choice in choices if choice in typed]
        for choice, nothing in choices.items() if len(named) == 1 else ():
            if choice not in named:
                OmegaConf.update(config, choice, nothing, merge=False)


def _chosen(overrides: Sequence[str]) -> Iterator[str]:
    """The choices that `overrides` make; an entry, as in `dataset.eval.hard=b.jsonl`, is one."""
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        for choice in (choice for choices in CHOICES for choice in choices):
            if value not in ("", "null", "[]", "{}") and (key == choice or key.startswith(f"{choice}.")):
                yield choice


def _of_hydra() -> list[str]:
    """What was typed on this process's command line, be it a worker's or a job's of a sweep."""
    return [*cast(Any, HydraConfig.get()).overrides.task] if HydraConfig.initialized() else []
