"""A composed configuration as objects: settings, plugin instances and the callbacks it names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from callsheet.config import places
from callsheet.config.experiment.reading import recorded, settings_of
from callsheet.config.hydra_errors import plain, unknown_key
from callsheet.config.names import instead, renamed
from callsheet.config.overrides import refuse_secret
from callsheet.config.schema import (
    DatasetSettings,
    FinishSettings,
    LaunchSettings,
    ModelSettings,
    PeftSettings,
    Root,
    TrainerSettings,
    defaults,
)
from callsheet.config.texts.checking import refuse_unusable, texts_in
from callsheet.errors import CallsheetError, OutOfRange, together
from callsheet.hooks import Plugin
from callsheet.outbox.settings import OutboxSettings
from callsheet.plugins import locking
from callsheet.plugins.registry import find, installed, load, no_such_plugin
from callsheet.rundir.again.resuming import Wish
from callsheet.secrets import redact
from callsheet.settings import check_settings

HINTS = {
    "model.path": "a folder or a repository on the Hub, as in model.path=Qwen/Qwen3-0.6B; recipe=demo needs neither",
}


@dataclass(frozen=True)
class Plan:
    """One run, before anything is loaded."""

    experiment: str
    run_dir: Path
    resume: str
    branch: bool
    model: ModelSettings
    dataset: DatasetSettings
    trainer: TrainerSettings
    peft: PeftSettings
    launch: LaunchSettings
    finish: FinishSettings
    outbox: OutboxSettings
    plugins: Mapping[str, Plugin]
    callbacks: Mapping[str, Mapping[str, Any]]
    composed: Mapping[str, Any]
    overrides: tuple[str, ...] | None = None  # what `callsheet train` was called with for this run, flags among it

    @property
    def wish(self) -> Wish:
        """What is asked of the run directory."""
        return Wish(self.run_dir, self.resume, self.branch, self.composed, defaults())


def make_plan(config: DictConfig, overrides: Sequence[str] = ()) -> Plan:
    """Turn `config` into a plan; raises `CallsheetError` for whatever is missing, unknown or out of its range.

    Settings that a recipe holds for a plugin this run does not select are left aside; `overrides`, which somebody
    typed for this run, must mean something.
    """
    _settle_place(config)
    refuse_unknown(config)
    instead.settle(config, overrides)
    _refuse_missing(config)
    refuse_unusable(config)
    config.plugins_lock = _absolute(config.get("plugins_lock"))
    # What both refuse is said at once.
    plugins, (settled, settings) = cast(
        "tuple[dict[str, Plugin], tuple[frozenset[str], Root]]",
        together(lambda: make_plugins(config, overrides), lambda: (renamed.settle(config), _settings(config))),
    )
    _refuse_secrets(settings)
    trainer = settings.trainer
    return Plan(
        experiment=settings.experiment.name,
        run_dir=Path(settings.output_dir).expanduser().absolute(),
        resume=settings.resume,
        branch=settings.branch,
        model=settings.model,
        dataset=settings.dataset,
        trainer=replace(trainer, args=renamed.as_installed(trainer.args, settled, trainer.config_class)),
        peft=settings.peft,
        launch=settings.launch,
        finish=settings.finish,
        outbox=settings.outbox,
        plugins=plugins,
        callbacks=settings.callbacks,
        composed=redact(_composed(config, plugins)),
    )


def within_ranges(config: DictConfig, wrong: OutOfRange) -> DictConfig:
    """A copy of `config` with the defaults of the settings that `wrong` names, to find what else is wrong with it."""
    made = deepcopy(config)
    for line in str(wrong).splitlines():
        section, _, name = line.partition(" ")[0].rpartition(".")
        node = OmegaConf.select(made, section)
        node[name] = OmegaConf.structured(OmegaConf.get_type(node))[name]
    return made


def _settle_place(config: DictConfig) -> None:
    """Resolve the run directory once, since its name holds the time."""
    try:
        config.output_dir = str(config.output_dir)
    except OmegaConfBaseException as error:
        raise plain(error) from error


def _composed(config: DictConfig, plugins: Mapping[str, Plugin]) -> dict[str, Any]:
    """What was composed, without other arms, and without what a recipe says of plugins that are not selected."""
    content = cast("dict[str, Any]", OmegaConf.to_container(config))
    return {
        **content,
        "experiment": recorded(content["experiment"]),
        "plugins": {name: content["plugins"][name] for name in plugins},
    }


def _absolute(lock: str | None) -> str | None:
    """A drain, which looks for it again, may begin in another folder."""
    return str(Path(lock).expanduser().absolute()) if lock else None


def make_plugins(config: DictConfig, overrides: Sequence[str] = ()) -> dict[str, Plugin]:
    """The selected plugins of `config` by name, in their order; none that its lock refuses is imported."""
    locking.hold(config.get("plugins_lock"))
    typed = {
        key.split(".")[1]
        for key in (item.lstrip("+").partition("=")[0] for item in overrides)
        if key.startswith("plugins.")
    }
    made = together(*(partial(_make_selected, config, name, typed) for name in map(str, config.plugins)))
    return {name: plugin for name, plugin in zip(map(str, config.plugins), made, strict=True) if plugin}


def _make_selected(config: DictConfig, name: str, typed: Collection[str]) -> Plugin | None:
    """The plugin called `name`; None for one that a recipe sets and this run does not select."""
    if plugin_class := selected_class(config.plugins[name]):
        return make_plugin(name, plugin_class, config.plugins[name])
    if name in typed or name not in installed():
        raise CallsheetError(_not_selected(name))
    return None


def selected_class(node: Any) -> type[Plugin] | None:
    """The class of a selected plugin; None for settings without one."""
    found = OmegaConf.get_type(node) if isinstance(node, DictConfig) else None
    return found if isinstance(found, type) and issubclass(found, Plugin) else None


def make_plugin(name: str, plugin_class: type[Plugin], node: DictConfig) -> Plugin:
    """The plugin with these settings; raises `CallsheetError` for one that is wrong."""
    try:
        made = cast(Plugin, OmegaConf.to_object(node))
        check_settings(made, plugin_class.__name__)  # also where __post_init__ forgets its parent's
        return made
    except CallsheetError as error:
        said = re.sub(rf"^{plugin_class.__name__}\.", f"plugins.{name}.", str(error), flags=re.MULTILINE)
        raise (OutOfRange if isinstance(error, OutOfRange) else CallsheetError)(said) from error
    except OmegaConfBaseException as error:
        raise plain(error) from error
    except (TypeError, ValueError) as error:
        raise CallsheetError(f"plugins.{name} ({find(name).origin}): {error}") from error


def _settings(config: DictConfig) -> Root:
    """The configuration without its plugins, as typed objects with their ranges checked."""
    try:
        settings = _typed(config)
    except OmegaConfBaseException as error:
        raise plain(error) from error
    names = ("model", "dataset", "launch", "outbox", "experiment")
    sections: dict[str, Any] = {name: getattr(settings, name) for name in names}
    if settings.trainer.tokenize:
        sections["trainer.tokenize"] = settings.trainer.tokenize
    sections |= {f"dataset.mixture[{number}]": source for number, source in enumerate(settings.dataset.mixture)}
    together(*(partial(check_settings, section, name) for name, section in sections.items()))
    return settings


def _typed(config: DictConfig) -> Root:
    """Sections that Hydra has typed are taken as they are: merging them again takes most of the time."""
    kinds = {each.name: each.default_factory for each in fields(Root) if each.name not in ("plugins", "experiment")}
    typed = frozenset(
        name for name, kind in kinds.items() if kind is not dict and OmegaConf.get_type(config, name) is kind
    )
    rest = {name: config[name] for name in kinds if name not in typed}
    merged = OmegaConf.to_object(OmegaConf.merge(_schema(frozenset(rest)), rest))
    made: dict[str, Any] = {name: OmegaConf.to_object(config[name]) for name in typed}
    return Root(experiment=settings_of(config), **made, **cast("dict[str, Any]", merged))


@cache
def _schema(names: frozenset[str]) -> DictConfig:
    """That part of the whole; not to be changed: merging copies it."""
    return OmegaConf.masked_copy(OmegaConf.structured(Root), [*names])


def refuse_unknown(config: DictConfig) -> None:
    """Refuse what `+model.revison=1` adds: Hydra lets it pass, even into a structured config."""
    known = [*(field.name for field in fields(Root)), "hydra"]
    for name in map(str, config):
        if name not in known:
            raise CallsheetError(unknown_key(name, known, places.of(name, config)))
        _refuse_unknown_in(name, config, name)
    for name in map(str, config.plugins):
        _refuse_unknown_in(f"plugins.{name}", config.plugins, name)


def _refuse_unknown_in(where: str, above: DictConfig, section: str) -> None:
    """Refuse it in settings of a known type, and in those inside them; anything else has no names to compare with."""
    made = OmegaConf.get_type(above, section)
    if not (isinstance(made, type) and is_dataclass(made)):
        return
    node, known = above[section], [field.name for field in fields(made)]
    for key in map(str, node):
        if key not in known:
            raise CallsheetError(unknown_key(f"{where}.{key}", known))
        _refuse_unknown_in(f"{where}.{key}", node, key)


def _refuse_missing(config: DictConfig) -> None:
    missing = sorted(_missing_in(config))
    if missing:
        lines = [f"{key} must be set{_help_for(key)}." for key in missing]
        raise CallsheetError("\n".join(lines))


def _missing_in(config: DictConfig) -> Iterator[str]:
    """The keys that must be set; of an experiment none, whose arms may set to ??? what they like."""
    return (key for key, value in texts_in(config) if value == "???" and not key.startswith("experiment."))


def _refuse_secrets(settings: Root) -> None:
    """Refuse secrets where the names of files or what libraries save would hold them."""
    model = {name: value for name, value in vars(settings.model).items() if name != "kwargs"}  # which nobody saves
    lasting = {
        "experiment": settings.experiment.name,
        **{name: getattr(settings, name) for name in ("output_dir", "resume")},
        **{"model": model, "peft": vars(settings.peft), "launch": vars(settings.launch)},
        "trainer.args": {name: value for name, value in settings.trainer.args.items() if name != "hub_token"},
    }  # hub_token is refused by its name, with better advice
    for name, value in lasting.items():
        refuse_secret(name, value)
    refuse_secret("experiment", asdict(settings.experiment))
    refuse_secret(
        "dataset.eval", dict.fromkeys(settings.dataset.eval if isinstance(settings.dataset.eval, dict) else ())
    )


def _help_for(key: str) -> str:
    if key in HINTS:
        return f": {HINTS[key]}"
    section, _, name = key.partition(".")
    if section == "plugins":
        plugin, _, name = name.partition(".")
        helps = {field.name: str(field.metadata.get("help", "")) for field in fields(load(plugin))}
        return f": {helps.get(name, '')}".rstrip(".: ")
    return ""


def _not_selected(name: str) -> str:
    if name in installed():
        return f"plugins.{name} is set, but {name} is not selected. Add it: 'plugins=[…,{name}]' or +plugins={name}."
    return no_such_plugin(name)
