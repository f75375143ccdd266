"""The YAML files of recipes and presets: a recipe may list its plugins, and `+plugins=` may name a preset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, ListConfig, OmegaConf

from callsheet.config.experiment import choice
from callsheet.config.experiment.files import BY_PATH, GLOBAL, in_folder, with_section
from callsheet.config.overrides import LOCK, MORE, PLUGINS
from callsheet.config.texts.nameless import require_names
from callsheet.disk import regular, yaml_files
from callsheet.disk.standing import short
from callsheet.disk.typed import Malformed, shown
from callsheet.errors import CallsheetError, sentences
from callsheet.plugins import locking
from callsheet.privates.hydra import reading_by, settling, yaml_sources

if TYPE_CHECKING:
    from hydra.core.object_type import ObjectType
    from hydra.plugins.config_source import ConfigSource as InFolders
    from hydra.plugins.config_source import ConfigSource as InPackages
else:
    InFolders, InPackages = yaml_sources()

SELF = "_self_"
OVERRIDE = f"override /{PLUGINS}"
ADVICE = "write names, as in 'plugins: [bema, csv_metrics]', or with settings, as in 'plugins: [bema: {lag: 3}]'"


class _Files:
    """What Hydra's own readers do, but a list of plugins means a choice, and presets belong to `more_plugins` too."""

    def load_config(self, config_path: str) -> ConfigResult:
        path = at_home(config_path)
        found = super().load_config(path)  # type: ignore[misc]  # of the class beside it, as below
        _require_package(found, path)
        _hold_to_lock(found)
        found = with_choice(found, path)
        return with_section(found, config_path)

    def is_config(self, config_path: str) -> bool:
        try:
            return bool(super().is_config(at_home(config_path)))  # type: ignore[misc]
        except (OSError, ValueError):  # no file can have such a name
            return False

    def is_group(self, config_path: str) -> bool:
        try:
            return bool(super().is_group(at_home(config_path)))  # type: ignore[misc]
        except (OSError, ValueError):
            return False

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        return [*super().list(at_home(config_path), results_filter)]  # type: ignore[misc]


# Both have the names of Hydra's classes: where submitit restores Hydra's state in another process, Hydra registers its
# own classes again, and takes ours for them by name (hydra 1.3.8, _internal/sources_registry.py, line 14).
class FileConfigSource(_Files, InFolders):
    """The files of a folder, such as that of `--config-dir`; each is looked at before Hydra reads it."""

    def load_config(self, config_path: str) -> ConfigResult:
        place = self._place(at_home(config_path))
        if text := check_file(place):
            require_names(short(place), config_path, text)
        found = super().load_config(config_path)
        self._refuse_circle(at_home(config_path), found.config, [])
        return found

    def is_config(self, config_path: str) -> bool:
        if (self.path == BY_PATH) != at_home(config_path).startswith("/"):
            return False
        place = self._place(at_home(config_path))
        try:
            if place.exists() and not place.is_file() and not place.is_dir():
                check_file(place)
        except (OSError, ValueError):
            return False
        return super().is_config(config_path)

    def _place(self, config_path: str) -> Path:
        return Path(self.path, f"{config_path.removesuffix('.yaml')}.yaml")

    def _refuse_circle(self, path: str, config: Any, above: list[str]) -> None:
        """Raise `CallsheetError` for a file that its defaults lead back to; Hydra would follow them without end."""
        here = [*above, path.removesuffix(".yaml").lstrip("/")]
        for other in _included(config, path.rpartition("/")[0]):
            if other in here:
                way = " → ".join(f"{each}.yaml" for each in [*here[here.index(other) :], other])
                raise CallsheetError(f"{short(self._place(path))} includes itself by its defaults: {way}.")
            if self.is_config(other):
                check_file(self._place(other))
                self._refuse_circle(other, OmegaConf.load(self._place(other)), here)


settled = partial(choice.settled, FileConfigSource)


class ImportlibResourcesConfigSource(_Files, InPackages):
    """The files of a package, such as those that come with Callsheet."""

    def is_config(self, config_path: str) -> bool:
        return not at_home(config_path).startswith("/") and super().is_config(config_path)


def check_file(file: Path) -> str:
    """The text of `file`, if there is one.

    Raises `CallsheetError` for a file that Hydra must not read: no text, endless, or with aliases that explode.
    """
    where = shown(Path(short(file)))
    try:
        content = regular.read(file, yaml_files.LIMIT, follow=True)
        yaml_files.check(content, where)
        return content.decode()
    except Malformed as error:
        raise CallsheetError(sentences(str(error), "")) from error
    except FileNotFoundError:
        return ""  # which Hydra says
    except regular.Irregular as error:
        raise CallsheetError(f"{error}.") from error


def _included(config: Any, group: str) -> Iterator[str]:
    """The paths of the files that a defaults list names, but for those that are chosen elsewhere."""
    listed = config.get("defaults") if isinstance(config, DictConfig) else None
    items = cast("list[Any]", OmegaConf.to_container(listed)) if isinstance(listed, ListConfig) else []
    for item in items:
        for key, names in item.items() if isinstance(item, dict) else [("", item)]:
            folder = str(key).split("@")[0].removeprefix("optional ").strip()
            for name in names if isinstance(names, list) else [names]:
                if isinstance(name, str) and name != SELF and not folder.startswith("override "):
                    path = "/".join(filter(None, (folder, name.split("@")[0])))
                    yield path.lstrip("/") if path.startswith("/") else f"{group}/{path}".lstrip("/")


@contextmanager
def files_read_our_way() -> Iterator[None]:
    """As long as it lasts, Hydra reads files as described here; other applications in this process are left alone."""
    with reading_by(FileConfigSource, ImportlibResourcesConfigSource), settling(settled, choice.named):
        yield


def at_home(config_path: str) -> str:
    """The path of a preset, which lies in `plugins/`, whether it was chosen or added; and of a user's own file."""
    group, slash, name = config_path.partition("/")
    return f"{PLUGINS}{slash}{name}" if group == MORE else in_folder(config_path)


def _hold_to_lock(found: ConfigResult) -> None:
    """Before the plugins are imported that it names; what the command line says comes later, and counts."""
    if isinstance(found.config, DictConfig) and isinstance(lock := found.config.get(LOCK), str) and lock != "???":
        locking.hold(lock)


def _require_package(found: ConfigResult, path: str) -> None:
    """Refuse a preset whose settings would count for no plugin."""
    holds = {*found.config} - {"defaults"} if isinstance(found.config, DictConfig) else set()
    if path.startswith(f"{PLUGINS}/") and holds and not found.header.get("package"):
        said = "must begin with the line '# @package plugins.NAME', with the name of the plugin that it sets"
        raise CallsheetError(f"{path}.yaml {said}.")


def with_choice(found: ConfigResult, path: str) -> ConfigResult:
    """A file that says `plugins: [a, b: {x: 1}]`, as if it had said that in its defaults list and by settings."""
    config = found.config
    if not isinstance(config, DictConfig) or (found.header.get("package") != GLOBAL and "/" in path):
        return found
    if PLUGINS not in config or OmegaConf.is_interpolation(config, PLUGINS) or isinstance(config[PLUGINS], DictConfig):
        return found
    content = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=False))
    settings = choice_in(content.pop(PLUGINS), f"{path}.yaml")
    defaults = content.get("defaults") or []
    if any(isinstance(item, dict) and OVERRIDE in item for item in defaults):
        raise CallsheetError(f"{path}.yaml chooses plugins twice: by 'plugins:', and by '{OVERRIDE}'. Keep one.")
    content["defaults"] = [*defaults, {OVERRIDE: [*settings]}]
    if any(settings.values()):
        content[PLUGINS] = {name: own for name, own in settings.items() if own}
    return replace(found, config=OmegaConf.create(content))


def choice_in(written: Any, file: str) -> dict[str, dict[str, Any]]:
    """The plugins in a list such as `[a, b: {x: 1}]`, each with its settings; raises `CallsheetError` for others."""
    settings: dict[str, dict[str, Any]] = {}
    if written is None:
        raise CallsheetError(f"{file}: plugins: is empty. Write 'plugins: []' for none, or leave it out.")
    for item in written if isinstance(written, list) else [written]:
        for name, own in item.items() if isinstance(item, dict) else [(item, None)]:
            if not isinstance(name, str) or not (own is None or isinstance(own, dict)):
                raise CallsheetError(f"{file}: plugins: has the entry {item!r}; {ADVICE}.")
            if name in settings:
                raise CallsheetError(f"{file}: plugins: lists {name} twice.")
            settings[name] = own or {}
    return settings
