"""The ways to name a reward function in a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.introspect.modules import find_module

OF_TRL = "trl.rewards"
MAKER = "get_"  # TRL's prefix for functions that make a reward
FORMS = "a name, or {path: NAME} with the arguments of the function that makes it"


@dataclass(frozen=True)
class Entry:
    """One entry of `trainer.rewards`; with `arguments`, the call of `path` with them makes the reward."""

    path: str
    arguments: Mapping[str, Any] | None = None

    @property
    def is_model(self) -> bool:
        """Whether the entry names a reward model: a folder, or an id on the Hub."""
        return "/" in self.path or self.path.startswith("~") or ("." not in self.path and Path(self.path).is_dir())

    @property
    def module(self) -> str:
        return self.path.rpartition(".")[0] or OF_TRL

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


def entry(written: Any) -> Entry:
    """Read `written` as an `Entry`; raises `CallsheetError` if it is not one."""
    if isinstance(written, str) and written:
        is_maker = "." not in written and written.startswith(MAKER)
        return Entry(written, {} if is_maker else None)
    if isinstance(written, Mapping) and isinstance(written.get("path"), str):
        return Entry(written["path"], {str(key): value for key, value in written.items() if key != "path"})
    raise CallsheetError(f"trainer.rewards: {written!r} is not {FORMS}.")


def of_trl() -> list[str]:
    """The names of TRL's own reward functions."""
    module = find_module(OF_TRL)
    origins = module.origins if module else {}
    return [name for name, (origin, _) in origins.items() if origin.startswith(f"{OF_TRL}.")]
