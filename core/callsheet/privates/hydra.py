"""Hydra: what it merged, the classes that read its YAML files, and a composition beside another application."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from types import MethodType
from typing import TYPE_CHECKING, Any

from callsheet.privates.library import Library, Private

if TYPE_CHECKING:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl as ConfigLoaderImpl
    from hydra._internal.config_repository import CachingConfigRepository
    from hydra._internal.defaults_list import DefaultsList as DefaultsList
    from hydra._internal.defaults_list import OverrideMetadata
    from hydra.core.default_element import ResultDefault
    from hydra.core.override_parser.types import Override
    from hydra.plugins.config_source import ConfigResult, ConfigSource
    from omegaconf import DictConfig

FILE = "hydra/_internal/defaults_list.py"
HYDRA = "hydra/_internal/hydra.py"
LOADER = "hydra/_internal/config_loader_impl.py"
WHY = "explains where a value comes from"
READS = "reads the lists of plugins in recipes"
BESIDE = "composes beside another Hydra application"
ONCE = "composes once where Hydra composes twice"
LOOKS = "looks at what Hydra composed before Hydra acts on it"
SWEEPS = "makes an experiment of a sweep"
LAUNCHES = "gives launchers jobs that Hydra did not compose"
SWEEPER = "hydra/_internal/core_plugins/basic_sweeper.py"
EXPERIMENT = "experiment"  # the group
CHOOSES = "finds out whether experiment= names a file"
MERGES = "composes an arm from what all arms have in common"
SEARCHED = "searched"  # an attribute of errors
_apart: ContextVar[ConfigLoaderImpl | None] = ContextVar("apart", default=None)

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
            "ConfigLoaderImpl.compute_defaults_list", LOADER, 569, WHY,
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
        Private("Hydra.get_mode", HYDRA, 81, ONCE, takes=("config_name", "overrides")),
        Private("ConfigLoaderImpl.repository", LOADER, 48, BESIDE),
        Private(
            "ConfigLoaderImpl.load_configuration", LOADER, 133, BESIDE,
            takes=("config_name", "overrides", "run_mode", "from_shell"),
        ),
        Private(
            "ConfigLoaderImpl._parse_overrides_and_create_caching_repo", LOADER, 224, CHOOSES,
            takes=("config_name", "overrides"),
        ),
        Private("ConfigLoaderImpl._load_single_config", LOADER, 401, CHOOSES, takes=("default", "repo")),
        Private(
            "ConfigLoaderImpl._apply_overrides_to_config", LOADER, 336, MERGES,
            takes=("overrides", "cfg"),
        ),
        Private(
            "ConfigLoaderImpl.validate_sweep_overrides_legal", LOADER, 51, MERGES,
            takes=("overrides", "run_mode", "from_shell"),
        ),
        Private("CachingConfigRepository.config_exists", "hydra/_internal/config_repository.py", 355, CHOOSES),
        Private("CachingConfigRepository.get_group_options", "hydra/_internal/config_repository.py", 358, CHOOSES),
        Private("CachingConfigRepository.get_sources", "hydra/_internal/config_repository.py", 365, CHOOSES),
        Private("Override._value", "hydra/core/override_parser/types.py", 260, CHOOSES),
        Private("OmegaConf", SWEEPER, 164, LOOKS),
        Private("BasicSweeper.split_arguments", SWEEPER, 107, SWEEPS, takes=("overrides", "max_batch_size")),
        Private("Hydra.multirun", HYDRA, 136, SWEEPS, takes=("config_name", "task_function", "overrides")),
        Private("Hydra.compose_config", HYDRA, 576, SWEEPS, takes=("config_name", "overrides", "run_mode")),
        Private("ConfigRepository.sources", "hydra/_internal/config_repository.py", 62, BESIDE),
        Private("ConfigSearchPathImpl.append", "hydra/_internal/config_search_path_impl.py", 48, BESIDE),
        Private("StructuredConfigSource.store", "hydra/_internal/core_plugins/structured_config_source.py", 11, BESIDE),
        Private("ConfigStore.repo", "hydra/core/config_store.py", 49, BESIDE),
        Private("Callbacks", "hydra/_internal/callbacks.py", 13, LAUNCHES),
    ),
)  # fmt: skip


def defaults_list(config_name: str | None, overrides: Sequence[str]) -> DefaultsList:
    """What Hydra merged for these overrides, first to last."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    loader = _apart.get() or GlobalHydra.instance().config_loader()
    return loader.compute_defaults_list(config_name, [*overrides], RunMode.RUN)


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


def apply(overrides: Sequence[str], config: DictConfig) -> None:
    """Set in `config` what `overrides`, none of which chooses an option, say; as a composition would."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.types import RunMode

    parsed = OverridesParser.create().parse_overrides([*overrides])
    ConfigLoaderImpl.validate_sweep_overrides_legal(parsed, RunMode.RUN, from_shell=False)
    ConfigLoaderImpl._apply_overrides_to_config(parsed, config)


class Repository:
    """Where a composition looks for files, `hydra.searchpath` among it."""

    def __init__(self, caching: CachingConfigRepository) -> None:
        self._caching = caching

    def config_exists(self, config_path: str) -> bool:
        return self._caching.config_exists(config_path)

    def options(self, group: str) -> list[str]:
        return self._caching.get_group_options(group)

    def add(self, source: ConfigSource) -> None:
        """Look in `source`, too, after all others but the stored schema."""
        sources = self._caching.get_sources()
        if not any(each.path == source.path for each in sources):
            sources.insert(-1, source)


Settle = Callable[["Sequence[Override]", Repository], "list[Override]"]
Name = Callable[["ConfigResult", str], None]


def choosing(override: Override, option: str) -> Override:
    """`override` with another option of the same group."""
    from hydra.core.override_parser.types import OverrideType

    return replace(override, _value=option, type=OverrideType.CHANGE)


@contextmanager
def settling(settle: Settle, name: Name) -> Iterator[None]:
    """Have `settle` see the overrides of each composition, and `name` each file that the group `experiment` chose."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    methods = _settling(ConfigLoaderImpl, settle, name)
    before = {each: getattr(ConfigLoaderImpl, each) for each in methods}
    for each, method in methods.items():
        setattr(ConfigLoaderImpl, each, method)
    try:
        yield
    finally:
        for each, method in before.items():
            setattr(ConfigLoaderImpl, each, method)


def _settling(loader: type[ConfigLoaderImpl], settle: Settle, name: Name) -> dict[str, Any]:
    """The methods of a loader that do so."""
    parse, load = loader._parse_overrides_and_create_caching_repo, loader._load_single_config

    def parsed(self: ConfigLoaderImpl, config_name: str | None, overrides: list[str]) -> Any:
        found, caching = parse(self, config_name, overrides)
        return settle(found, Repository(caching)), caching

    def loaded(self: ConfigLoaderImpl, default: ResultDefault, repo: Any) -> ConfigResult:
        result = load(self, default, repo)
        if _is_chosen(default):
            name(result, str(default.config_path))
        return result

    return {"_parse_overrides_and_create_caching_repo": parsed, "_load_single_config": loaded}


def _is_chosen(default: ResultDefault) -> bool:
    """Whether the group `experiment` chose this file, or another one of the group includes it."""
    in_group = str(default.config_path).startswith(f"{EXPERIMENT}/")
    is_included = str(default.parent).startswith(f"{EXPERIMENT}/")
    return default.override_key == EXPERIMENT or (default.is_self and in_group and not is_included)


@contextmanager
def composing_once(sources: Mapping[str, str]) -> Iterator[None]:
    """Have Hydra compose a command once, where it reads nothing but `sources` (places by provider) and its own files.

    Before it composes what runs, `Hydra.get_mode` composes all of it to learn whether a file or an override sets
    `hydra.mode`. Ours do not. Where there are other files, or an override is for Hydra, it looks as before.
    """
    from hydra._internal.hydra import Hydra

    ask = Hydra.get_mode
    known = _places(sources).items()

    def get_mode(self: Hydra, config_name: str | None, overrides: list[str]) -> Any:
        found = {(source.provider, source.full_path()) for source in self.config_loader.get_sources()}
        is_ours = found <= known and not any("hydra" in override for override in overrides)
        return None if is_ours else ask(self, config_name, overrides)

    Hydra.get_mode = get_mode  # type: ignore[method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = ask  # type: ignore[method-assign]


@contextmanager
def sweeping_by(sweep: Callable[[DictConfig], Any] | None) -> Iterator[None]:
    """Have `sweep` called with the configuration of a sweep, in place of Hydra's sweeper.

    Hydra, which knows the groups and their options, and `HydraConfig` are there while it works.
    """
    from hydra._internal.hydra import Hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    def multirun(self: Hydra, config_name: str | None, task_function: Any, overrides: list[str], **_: Any) -> Any:
        config = self.compose_config(config_name=config_name, overrides=overrides, run_mode=RunMode.MULTIRUN)
        HydraConfig.instance().set_config(config)
        return sweep and sweep(config)

    before = Hydra.multirun
    if sweep:
        Hydra.multirun = multirun  # type: ignore[method-assign, assignment]  # Hydra passes no more
    try:
        yield
    finally:
        Hydra.multirun = before  # type: ignore[method-assign]


def sweep_runs(config: DictConfig) -> list[list[str]]:
    """The overrides of each run of a sweep, in Hydra's order; ask while Hydra runs."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    params: Any = config.hydra.sweeper.get("params") or {}
    typed = [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]
    loader = GlobalHydra.instance().config_loader()  # glob(*) asks it for the options
    [runs] = BasicSweeper.split_arguments(OverridesParser.create(config_loader=loader).parse_overrides(typed), None)
    return [[*run] for run in runs]


@contextmanager
def composing_through(look: Callable[[DictConfig], None]) -> Iterator[None]:
    """Have `look` see, change or refuse each configuration of a command before Hydra makes folders and files by it.

    Nor does Hydra write `multirun.yaml`, which would hold every override, secrets too.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.core_plugins import basic_sweeper

    load, saving = ConfigLoaderImpl.load_configuration, basic_sweeper.OmegaConf

    def load_configuration(self: ConfigLoaderImpl, *args: Any, **kwargs: Any) -> DictConfig:
        try:
            config = load(self, *args, **kwargs)
        except Exception as error:  # Hydra forgets where it looked before anybody can ask
            error.__dict__[SEARCHED] = [each.path for each in self.get_sources() if each.scheme() == "file"]
            raise
        look(config)
        return config

    class Unsaved(saving):  # type: ignore[misc, valid-type]
        @staticmethod
        def save(*args: Any, **kwargs: Any) -> None:
            """Leave it."""

    ConfigLoaderImpl.load_configuration = load_configuration  # type: ignore[method-assign]
    basic_sweeper.OmegaConf = Unsaved  # type: ignore[attr-defined, misc]
    try:
        yield
    finally:
        ConfigLoaderImpl.load_configuration = load  # type: ignore[method-assign]
        basic_sweeper.OmegaConf = saving  # type: ignore[attr-defined, misc]


@contextmanager
def apart(
    sources: Mapping[str, str], schema: str, readers: Sequence[type[Any]], settle: Settle, name: Name
) -> Iterator[Callable[[Sequence[str]], DictConfig]]:
    """Gives a function that composes "config" as `hydra.compose` would, and `defaults_list` tells of its composition.

    It reads `sources` (places by provider) by `readers`, and the stored `schema`. `hydra.initialize` keeps one Hydra
    per process, in `GlobalHydra`, and refuses a second one. This uses nothing of an application's: neither its Hydra,
    its version base and its job, nor the configurations that it stored, which may have the names of ours.
    """
    from hydra.core.utils import setup_globals
    from hydra.types import RunMode
    from omegaconf import OmegaConf, open_dict

    if not OmegaConf.has_resolver("hydra"):
        setup_globals()
    loader = _loader(sources, schema, {reader.scheme(): reader for reader in readers})
    for each, method in _settling(type(loader), settle, name).items():
        setattr(loader, each, MethodType(method, loader))

    def composed(overrides: Sequence[str]) -> DictConfig:
        config = loader.load_configuration("config", [*overrides], RunMode.RUN, from_shell=False)
        with open_dict(config):
            del config["hydra"]
        return config

    before = _apart.set(loader)
    try:
        yield composed
    finally:
        _apart.reset(before)


def _loader(sources: Mapping[str, str], schema: str, readers: Mapping[str, type[Any]]) -> ConfigLoaderImpl:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.config_search_path_impl import ConfigSearchPathImpl

    places = _places(sources)
    search_path = ConfigSearchPathImpl()
    for provider, place in places.items():
        search_path.append(provider, place)
    loader = ConfigLoaderImpl(search_path)
    for number, (provider, place) in enumerate(places.items()):
        if reader := readers.get(place.partition("://")[0]):
            loader.repository.sources[number] = reader(provider, place)
    loader.repository.sources[-1] = _stored(schema)
    return loader


def _places(sources: Mapping[str, str]) -> dict[str, str]:
    return {"hydra": "pkg://hydra.conf", **sources, "schema": "structured://"}


def _stored(schema: str) -> Any:
    """A source of what Hydra itself has stored, and of `schema`."""
    from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
    from hydra.core.config_store import ConfigStore

    source = StructuredConfigSource("schema", "structured://")
    source.store = copy.copy(ConfigStore.instance())
    source.store.repo = {name: source.store.repo[name] for name in ("hydra", f"{schema}.yaml")}
    return source


def no_callbacks() -> Any:
    """Whom a launcher tells of its jobs, where nobody listens."""
    from hydra._internal.callbacks import Callbacks

    return Callbacks()
