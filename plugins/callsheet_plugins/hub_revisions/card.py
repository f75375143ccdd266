"""The model card of one step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from callsheet.secrets import redact_text


def card(title: str, step: int, epoch: float, metrics: Mapping[str, float], config: Mapping[str, Any]) -> str:
    """Markdown with the metadata that the Hub reads; from the run's redacted configuration."""
    trainer, model, dataset = (dict(config.get(part) or {}) for part in ("trainer", "model", "dataset"))
    tags = ["callsheet", *(["trl", str(trainer["name"])] if trainer.get("name") else [])]
    base = str(model.get("path") or "")
    head = ["library_name: transformers", f"tags: {json.dumps(tags)}"]
    if _on_the_hub(base):
        head.append(f"base_model: {json.dumps(base)}")
    rows = [f"| {name} | {value:.6g} |" for name, value in sorted(metrics.items())]
    table = ["", "| metric | value |", "|---|---|", *rows] if rows else []
    lines = [
        *("---", *head, "---", "", f"# {title}", ""),
        f"Step {step}, epoch {epoch:.2f}.",
        *table,
        "",
        *([f"Trained from `{base}`."] if base else []),
        *([f"Data: `{dataset['path']}`."] if dataset.get("path") else []),
        "Trained with Callsheet.",
    ]
    return redact_text("\n".join(lines) + "\n")


def _on_the_hub(path: str) -> bool:
    return path.count("/") <= 1 and not path.startswith((".", "/", "~", "$")) and "/" in path
