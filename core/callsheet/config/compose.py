"""Hydra: plugins as options of a config group, imported only when chosen, and composition from the outside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from callsheet.config.experiment import choice
from callsheet.config.hydra_errors import plain
from callsheet.config.names.renamed import RESOLVER, any_name
from callsheet.config.overrides import LESS, MORE, PLUGINS, lock_in, translated
from callsheet.config.recipe_files import FileConfigSource, ImportlibResourcesConfigSource, settled
from callsheet.config.recipe_files import files_read_our_way as files_read_our_way
from callsheet.config.schema import Root
from callsheet.config.sweeps import refuse_idle_removal
from callsheet.plugins import entry_points, locking
from callsheet.plugins.groups import PLUGINS as GROUP
from callsheet.plugins.registry import installed, structured
from callsheet.privates.hydra import apart

if TYPE_CHECKING:
    from typing import Any

CONFIG_MODULE = "callsheet_conf"
VERSION_BASE = "1.3"
SCHEMA = "callsheet_schema"
SCHEME = "entrypoint"
SOURCES = {"main": f"pkg://{CONFIG_MODULE}", "callsheet": f"{SCHEME}://"}
_registering = Lock()


GROUPS = (PLUGINS, MORE, LESS)


class PluginConfigs(ConfigSource):
    """Config group `plugins`, one option per installed plugin; and the groups that add one, and leave one out."""

    @staticmethod
    def scheme() -> str:
        return SCHEME

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return config_path.strip("/") in ("", *GROUPS)

    def is_config(self, config_path: str) -> bool:
        group, _, name = config_path.removesuffix(".yaml").partition("/")
        return group in GROUPS and name in installed()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        if config_path.strip("/") in GROUPS and results_filter is not ObjectType.GROUP:
            return entry_points.usable(GROUP)
        return [PLUGINS] if config_path == "" and results_filter is not ObjectType.CONFIG else []

    def load_config(self, config_path: str) -> ConfigResult:
        group, _, name = config_path.removesuffix(".yaml").partition("/")
        removed = group == LESS  # null in the place of its settings says so: config/plan.py
        return ConfigResult(
            config=OmegaConf.create({name: None}) if removed else structured(name),
            provider=self.provider,
            path=f"{self.scheme()}://{name}",
            header={"package": PLUGINS if removed else f"{PLUGINS}.{name}"},
        )


class PluginSearchPath(SearchPathPlugin):
    """Put installed plugins on the search path, beside the YAML of callsheet and of the user's `--config-dir`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("callsheet", SOURCES["callsheet"])


def bind() -> None:
    """Teach Hydra about installed plugins, so that its own applications find them; may be called again."""
    register()
    Plugins.instance().register(PluginSearchPath)


def register() -> None:
    """Register what only Callsheet's own configuration names; another Hydra application does not notice."""
    with _registering:  # Hydra makes its registry at the first call, in whichever thread
        Plugins.instance().register(PluginConfigs)
    store = ConfigStore.instance()
    if f"{SCHEMA}.yaml" not in store.list(""):  # a tenth of the time that a composition takes
        store.store(name=SCHEMA, node=Root, provider="callsheet")
    OmegaConf.register_new_resolver("callsheet.run_name", run_name, replace=True)
    OmegaConf.register_new_resolver("callsheet.bundled", bundled, replace=True)
    OmegaConf.register_new_resolver(RESOLVER, any_name, replace=True)


def compose(overrides: Sequence[str]) -> DictConfig:
    """What Hydra composes from `overrides`, for callers outside the command line; raises `CallsheetError`.

    The caller may be a Hydra application of its own, in any thread: nothing that belongs to it is used or changed.
    """
    register()
    words = translated(overrides)
    locking.hold(lock_in(words))
    try:
        readers = [FileConfigSource, ImportlibResourcesConfigSource]
        with apart(SOURCES, SCHEMA, readers, settled, choice.named) as composed:
            config = composed(words)
            refuse_idle_removal(words, "config")
            return config
    except Exception as error:
        raise plain(error) from error


def flags() -> list[str]:
    """The flags by which this command's configuration was found, for a worker that composes it again."""
    found = []
    config: Any = HydraConfig.get()
    for source in config.runtime.config_sources:
        if source.provider == "command-line":
            found.append(f"--config-dir={source.path}")
        if source.provider == "main" and source.path != CONFIG_MODULE:
            found.append(
                f"--config-path={source.path}" if source.schema == "file" else f"--config-path=pkg://{source.path}"
            )
    name = str(config.job.config_name)
    return [*found, *([f"--config-name={name}"] if name != "config" else [])]


def bundled(path: str) -> str:
    """The place of a file that comes with the configurations, such as the demo's data."""
    package = find_spec(CONFIG_MODULE)
    return str(Path(str(package and package.origin)).parent / path)


def run_name() -> str:
    """The name of a run: its recipe and the time, and its number in a multirun, whose jobs share one clock."""
    config: Any = HydraConfig.get() if HydraConfig.initialized() else None
    recipe = (config and config.runtime.choices.get("recipe")) or "run"
    is_one_of = config and config.mode == RunMode.MULTIRUN and not OmegaConf.is_missing(config.job, "num")
    number = f"-{config.job.num}" if is_one_of else ""
    return re.sub(r"[^\w.-]", "-", f"{recipe}-{datetime.now():%Y-%m-%d_%H-%M-%S}{number}")
