"""The Trainer's own JSON, strict: what a trainer or a native callback logged is in it as a number or null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.values import plain

if TYPE_CHECKING:
    from transformers import TrainerState


@contextmanager
def strict(state: TrainerState) -> Iterator[None]:
    """While this is open, `state` saves itself as strict JSON.

    `TrainerState.save_to_json` raises for a tensor in `log_history`, which leaves the checkpoint without a
    trainer_state.json, and writes NaN, which is no JSON (transformers 5.23, trainer_callback.py, line 143).
    """

    def save_to_json(json_path: str) -> None:
        content = {field.name: getattr(state, field.name) for field in fields(state)}
        text = json.dumps(plain(content), indent=2, sort_keys=True, allow_nan=False)
        Path(json_path).write_text(text + "\n", encoding="utf-8")

    vars(state)["save_to_json"] = save_to_json
    try:
        yield
    finally:
        vars(state).pop("save_to_json", None)
