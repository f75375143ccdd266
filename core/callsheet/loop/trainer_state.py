"""The Trainer's own JSON, strict: what a trainer or a native callback logged is in it as a number or null."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.disk.inside import Inside
from callsheet.secrets import redact_text
from callsheet.values import number, plain

if TYPE_CHECKING:
    from transformers import TrainerState


def settle(rows: Iterable[dict[str, Any]]) -> None:
    """Make numbers of what is one in these rows of `log_history`, in place, and JSON of the rest, for model cards."""
    for row in rows:
        for name, value in row.items():
            if type(value) not in (int, float, str):
                try:
                    row[name] = number(value)
                except TypeError:
                    row[name] = plain(value)


@contextmanager
def strict(state: TrainerState) -> Iterator[None]:
    """While this is open, `state` saves itself as strict JSON without secrets.

    `TrainerState.save_to_json` raises for a tensor in `log_history`, which leaves the checkpoint without a
    trainer_state.json, and writes NaN, which is no JSON (transformers 5.23, trainer_callback.py, line 143).
    """

    def save_to_json(json_path: str) -> None:
        content = {field.name: getattr(state, field.name) for field in fields(state)}
        text = json.dumps(plain(content), indent=2, sort_keys=True, allow_nan=False)
        place = Path(json_path)
        Inside(place.parents[1]).write(place, redact_text(text) + "\n", durable=False)

    vars(state)["save_to_json"] = save_to_json
    try:
        yield
    finally:
        vars(state).pop("save_to_json", None)
