"""Arms and stages that are the same run under two names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.experiments.arms import Arm
from callsheet.experiments.composing.refusals import place_of
from callsheet.experiments.expanding.chains import STAGES
from callsheet.values import plain

WHEREABOUTS = ("output_dir", "experiment")


def digest_of(composed: Mapping[str, Any]) -> str:
    """Of all that a run does, wherever it lies and whatever it is called."""
    content = {section: value for section, value in composed.items() if section not in WHEREABOUTS}
    return hashlib.sha256(json.dumps(plain(content), sort_keys=True).encode()).hexdigest()


def refuse_twins(digests: Sequence[tuple[Arm, str]]) -> None:
    """Raise `CallsheetError` for two arms that compose to the same run."""
    met: dict[tuple[str, str | None], Arm] = {}
    pairs = {}
    for arm, digest in digests:
        other = met.setdefault((digest, arm.stage), arm)
        if other is not arm and arm.trial is None:
            pairs[(other.method, arm.method)] = other, arm
    for one, other in pairs.values():
        names = (one.name, other.name) if one.method == other.method else (one.method, other.method)
        raise CallsheetError(
            f"The arms {names[0]!r} and {names[1]!r} compose to the same run. Leave one of them out, or give it an "
            f"override in which it differs.{place_of(arm)}"
        )


def refuse_one_data_set(datasets: Sequence[tuple[Arm, Any]]) -> None:
    """Raise `CallsheetError` for stages that all train on the same data: they are one longer run."""
    for method, chain in _chains(datasets):
        if len(chain) > 1 and all(dataset == chain[0] for dataset in chain):
            raise CallsheetError(
                f"{STAGES}: all stages of arm {method!r} train on the same data. Give them others, as in "
                "'first: dataset.path=a.jsonl'; for a longer run, raise trainer.args.max_steps."
            )


def _chains(datasets: Sequence[tuple[Arm, Any]]) -> Iterator[tuple[str, list[Any]]]:
    chains: dict[tuple[str, int | None], list[Any]] = {}
    for arm, dataset in datasets:
        if arm.stage is not None:
            chains.setdefault((arm.method, arm.seed), []).append(dataset)
    return ((method, chain) for (method, _), chain in chains.items())
