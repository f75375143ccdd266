"""Hydra: the list of what it merged, from which `callsheet explain` says where a value comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callsheet.privates.library import Library, Private

if TYPE_CHECKING:
    from hydra._internal.defaults_list import DefaultsList as DefaultsList
    from hydra._internal.defaults_list import OverrideMetadata

FILE = "hydra/_internal/defaults_list.py"
WHY = "explains where a value comes from"

LIBRARY = Library(
    "hydra-core",
    read_in="1.3.8",
    source="https://github.com/facebookresearch/hydra/blob/v1.3.8",
    names=(
        Private("DefaultsList.defaults", FILE, 217, WHY),
        Private("DefaultsList.config_overrides", FILE, 219, WHY),
        Private("DefaultsList.overrides", FILE, 220, WHY),
        Private("Overrides.override_metadata", FILE, 51, WHY),
        Private("OverrideMetadata.external_override", FILE, 42, WHY),
        Private("OverrideMetadata.containing_config_path", FILE, 43, WHY),
        Private(
            "ConfigLoaderImpl.compute_defaults_list", "hydra/_internal/config_loader_impl.py", 569, WHY,
            takes=("config_name", "overrides", "run_mode"),
        ),
    ),
)  # fmt: skip


def defaults_list(config_name: str | None, overrides: Sequence[str]) -> DefaultsList:
    """What Hydra merged for these overrides, first to last."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    return GlobalHydra.instance().config_loader().compute_defaults_list(config_name, [*overrides], RunMode.RUN)


def changed_by(defaults: DefaultsList, group: str) -> OverrideMetadata | None:
    """Which file, or the command line, overrides the option of `group`."""
    return defaults.overrides.override_metadata.get(group)
