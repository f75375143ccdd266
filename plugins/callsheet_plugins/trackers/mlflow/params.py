"""The configuration as MLflow's params, which never change: what a resumed run has otherwise becomes a tag."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from callsheet.tracking import Names

A_BATCH = 100
LONGEST = 6000
LONGEST_TAG = 5000


def log_params(client: MlflowClient, run_id: str, config: Mapping[str, Any], names: Names) -> None:
    """Log what of `config` the run has not; a param with another value becomes a tag `changed.NAME`."""
    from mlflow.entities import Param, RunTag

    known = client.get_run(run_id).data.params
    wanted = {names.fit(name): shortened(value, LONGEST) for name, value in flat(config)}
    new = [Param(name, value) for name, value in wanted.items() if name not in known]
    changed = [
        RunTag(names.fit(f"changed.{name}"), shortened(value, LONGEST_TAG))
        for name, value in wanted.items()
        if known.get(name, value) != value
    ]
    for begin in range(0, len(new), A_BATCH):
        client.log_batch(run_id, params=new[begin : begin + A_BATCH], synchronous=True)
    for begin in range(0, len(changed), A_BATCH):
        client.log_batch(run_id, tags=changed[begin : begin + A_BATCH], synchronous=True)


def flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each setting with its whole name; lists are JSON.

    >>> list(flat({"trainer": {"args": {"seed": 1, "betas": [0.9, None]}}, "plugins": {}}))
    [('trainer.args.seed', '1'), ('trainer.args.betas', '[0.9, null]')]
    """
    for name, value in config.items():
        whole = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{whole}.")
        else:
            yield whole, json.dumps(value, default=str) if isinstance(value, (list, tuple)) else str(value)


def shortened(text: str, longest: int) -> str:
    """`text` as databases take it: cut with a mark, and without half a surrogate pair."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= longest else text[: longest - 1] + "…"
