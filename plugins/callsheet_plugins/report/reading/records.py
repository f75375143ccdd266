"""What every look at a run takes from its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNREADABLE = "unreadable"  # the state of a run whose record is damaged, or of a version that only a later one reads


def steps_of(record: Mapping[str, Any]) -> int | None:
    """How many steps the run was to take."""
    found = record.get("max_steps")
    return found if isinstance(found, int) and found > 0 else None
