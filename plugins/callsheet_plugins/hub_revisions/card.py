"""The model card of a revision."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.secrets import redact_text


def card(
    title: str,
    step: int,
    epoch: float,
    metrics: Mapping[str, float],
    config: Mapping[str, Any],
    base_model: str = "",
    *,
    is_adapter: bool = False,
) -> str:
    """Markdown with the metadata that the Hub reads; `config` is the run's configuration without secrets.

    `base_model` is the id of the model that training started from, where `config` has only a path.
    """
    trainer, model, dataset = (dict(config.get(part) or {}) for part in ("trainer", "model", "dataset"))
    tags = ["callsheet", *(["trl", str(trainer["name"])] if trainer.get("name") else [])]
    base, data = (_on_the_hub(str(part.get("path") or "")) for part in (model, dataset))
    base = base_model or base
    head = [f"library_name: {'peft' if is_adapter else 'transformers'}", f"tags: {json.dumps(tags)}"]
    if base:
        head.append(f"base_model: {json.dumps(base)}")
    if base and is_adapter:
        head.append("base_model_relation: adapter")
    rows = [f"| {name} | {value:.6g} |" for name, value in sorted(metrics.items())]
    table = ["", "| metric | value |", "|---|---|", *rows] if rows else []
    lines = [
        *("---", *head, "---", "", f"# {title}", ""),
        f"Step {step}, epoch {epoch:.2f}.",
        *table,
        "",
        *([f"Trained from `{base}`."] if base else []),
        *([f"Data: `{data}`."] if data else []),
        "Trained with Callsheet.",
    ]
    return redact_text("\n".join(lines) + "\n")


def _on_the_hub(path: str) -> str:
    """`path` if it may be an id on the Hub, or an empty string: a local path would only tell about this machine."""
    return path if re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", path, re.ASCII) and not Path(path).exists() else ""
