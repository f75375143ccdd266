"""Hydra: the list of what it merged, which says where a value comes from, and the classes that read its YAML files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from callsheet.privates.library import Library, Private

if TYPE_CHECKING:
    from hydra._internal.defaults_list import DefaultsList as DefaultsList
    from hydra._internal.defaults_list import OverrideMetadata

FILE = "hydra/_internal/defaults_list.py"
WHY = "explains where a value comes from"
READS = "reads the lists of plugins in recipes"

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
        Private("SourcesRegistry.types", "hydra/_internal/sources_registry.py", 9, READS),
        Private("FileConfigSource", "hydra/_internal/core_plugins/file_config_source.py", 11, READS),
        Private(
            "ImportlibResourcesConfigSource",
            "hydra/_internal/core_plugins/importlib_resources_config_source.py",
            21,
            READS,
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


def yaml_sources() -> tuple[type[Any], type[Any]]:
    """The classes that read YAML from folders, and from packages."""
    from hydra._internal.core_plugins.file_config_source import FileConfigSource
    from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource

    return FileConfigSource, ImportlibResourcesConfigSource


@contextmanager
def reading_by(*sources: type[Any]) -> Iterator[None]:
    """Have Hydra read by these classes, each in place of the one of its scheme, and by its own again afterwards.

    `SourcesRegistry.register` refuses a second class for a scheme.
    """
    from hydra._internal.sources_registry import SourcesRegistry

    types = SourcesRegistry.instance().types
    before = dict(types)
    types.update({source.scheme(): source for source in sources})
    try:
        yield
    finally:
        types.update({source.scheme(): before[source.scheme()] for source in sources})
