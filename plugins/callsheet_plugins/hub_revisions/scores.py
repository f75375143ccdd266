"""Writes scores into the model card of a revision: into the model-index that the Hub shows, and into a table."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callsheet.records import EvalResult

KIND = "hub_scores"
START, END = "<!-- scores: written by Callsheet -->", "<!-- end of scores -->"
SECTION = re.compile(f"\n*{re.escape(START)}.*?{re.escape(END)}\n?", re.DOTALL)


def payload(result: EvalResult) -> dict[str, Any]:
    """The part of a score that goes into the card of its revision."""
    return {
        **{"branch": result.tags["branch"], "commit": result.commit, "step": result.step},
        **{"benchmark": result.name, "task": result.tags.get("task") or result.benchmark_id or result.name},
        "metrics": _worth_showing(result.metrics),
        "message": f"Score on {result.name}",
    }


def fingerprint(result: EvalResult) -> str:
    """A hash that differs between two scores of one benchmark, such as after a change of its settings."""
    told = json.dumps([result.name, result.benchmark_id, sorted(result.metrics.items())])
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def with_scores(text: str, title: str, scored: Mapping[str, Any]) -> str:
    """Add a benchmark to a model card, in metadata and table; it replaces an older score of the benchmark."""
    from huggingface_hub import EvalResult as Listed
    from huggingface_hub import ModelCard

    card = ModelCard(text)
    data: Any = card.data  # a ModelCardData; huggingface_hub annotates it as its base class
    known = [row for row in data.eval_results or [] if row.dataset_name != scored["benchmark"]]
    added = [
        Listed(
            task_type="text-generation",
            dataset_type=scored["task"],
            dataset_name=scored["benchmark"],
            metric_type=name,
            metric_name=name,
            metric_value=value,
        )
        for name, value in scored["metrics"].items()
    ]
    data.model_name = data.model_name or title
    data.eval_results = [*known, *added]
    card.text = f"{SECTION.sub('', card.text).rstrip()}\n\n{_table(data.eval_results)}\n"
    return str(card)


def _table(rows: list[Any]) -> str:
    lines = [f"| {row.dataset_name} | {_cell(row.metric_name)} | {row.metric_value:.4g} |" for row in rows]
    head = ("## Evaluation", "", "| benchmark | metric | value |", "|---|---|---|")
    return "\n".join((START, *head, *lines, END))


def _cell(name: str) -> str:
    """`name` for a table: a metric may be called `acc|strict`, and Markdown would read two columns."""
    return " ".join(name.split()).replace("|", "\\|")


def _worth_showing(metrics: Mapping[str, float]) -> dict[str, float]:
    shown = {name: value for name, value in metrics.items() if math.isfinite(value)}
    return {name: value for name, value in shown.items() if "stderr" not in name}
