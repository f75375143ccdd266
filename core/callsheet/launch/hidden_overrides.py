"""Overrides that hold secrets, on their way to the workers of a run: everybody may read the command of a process."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from callsheet.secrets import redact_override

VARIABLE = "CALLSHEET_SECRET_OVERRIDES"  # by its name a secret
MARK = "callsheet:override:"


def hide(overrides: Sequence[str]) -> tuple[list[str], dict[str, str | None]]:
    """`overrides` with a mark in place of each that holds a secret, and the environment that `revealed` needs."""
    hidden = [item for item in overrides if redact_override(item) != item]
    shown = [f"{MARK}{hidden.index(item)}" if item in hidden else item for item in overrides]
    return shown, {VARIABLE: json.dumps(hidden) if hidden else None}


def revealed(overrides: Sequence[str]) -> list[str]:
    """`overrides` as `hide` got them; what this process starts does not inherit them."""
    hidden = json.loads(os.environ.pop(VARIABLE, "[]"))
    return [hidden[int(item[len(MARK) :])] if item.startswith(MARK) else item for item in overrides]
