"""Which plugins overrides select; and what a run of a sweep differs in, and leaves to the other runs."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from callsheet.config.experiment.words import GROUP
from callsheet.config.overrides import LESS, MORE, PLUGINS, TEXT, as_typed
from callsheet.errors import CallsheetError
from callsheet.plugins.registry import installed, load, structured
from callsheet.privates.hydra import defaults_list

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

MOST_RUNS = 200  # of which it is asked whether they select a plugin
NAMED = re.compile(rf"\+*{PLUGINS}\.([\w-]+)[.=]")

logger = logging.getLogger("callsheet")


def chosen(overrides: Sequence[str], config_name: str) -> set[str]:
    """The plugins that `overrides`, in Hydra's words, and the files that they name bring; ask while Hydra runs."""
    paths = (str(default.config_path) for default in defaults_list(config_name, overrides).defaults)
    return {name for group, _, name in (path.partition("/") for path in paths) if group in (PLUGINS, MORE)} & {
        *installed()
    }


def removed(overrides: Sequence[str]) -> list[str]:
    """The plugins that `~plugins=` names, which stands here in Hydra's words."""
    lists = (item.partition("=")[2] for item in overrides if item.startswith(f"{LESS}="))
    return [name.strip(" '\"") for each in lists for name in each.strip("[]").split(",") if name.strip()]


def refuse_idle_removal(overrides: Sequence[str], config_name: str) -> None:
    """Raise `CallsheetError` if `~plugins=` names a plugin that is not selected."""
    names = removed(overrides)
    selected = chosen(overrides, config_name) if names else set()
    for name in names:
        if name not in selected:
            listed = ", ".join(sorted(selected)) or "none"
            raise CallsheetError(f"~plugins={name}, but {name} is not selected. Selected: {listed}.")


def meant_for(
    run: Sequence[str], typed: Sequence[str], compose: Callable[[], DictConfig], config_name: str
) -> list[str]:
    """Those overrides of a `run` of the sweep `typed` that mean something to it; says of each other that it waits.

    One may set a plugin that only other runs select. Raises `CallsheetError` if no run selects it, or if its value
    would be wrong there: the other runs may be hours away. `compose` gives the configuration of the run.
    """

    @cache  # Hydra makes a whole defaults list for each answer
    def ask(words: tuple[str, ...]) -> set[str]:
        return chosen(words, config_name)

    idle = [item for item in run if _named(item) and not any(map(_selecting(run, ask, item), _named(item)))]
    for item in idle:
        for name in _named(item):
            if not any(_selecting(other, ask, item)(name) for other in _runs(typed)):
                raise CallsheetError(f"{as_typed(item)}, but no run of this sweep selects {name}. Add it to one.")
            _try(name, compose())
        logger.info("%s is set aside: this run does not select %s.", as_typed(item), " and ".join(_named(item)))
    return [item for item in run if item not in idle]


def _named(item: str) -> list[str]:
    """The plugins, of those that are installed, that an override sets or leaves out."""
    names = [found[1]] if (found := NAMED.match(item)) else removed([item])
    return names if {*names} <= {*installed()} else []


def _selecting(run: Sequence[str], ask: Callable[[tuple[str, ...]], set[str]], item: str) -> Callable[[str], bool]:
    """Whether a `run` selects a plugin, so that the override `item` has something to set, or to leave out."""
    selected = ask(tuple(run))
    return (selected if removed([item]) else selected - {*removed(run)}).__contains__


def differing(run: Sequence[str], typed: Sequence[str]) -> dict[str, str]:
    """What a `run` of the sweep `typed` differs in from the others, by key, as it could be typed for a single run."""
    parsed = _parsed(typed)
    swept = {override.get_key_element() for override in parsed if override.is_sweep_override()}
    same = {override.get_key_element() for override in parsed} - swept  # one may be typed twice, and swept once
    pairs = [as_typed(item).partition("=") for item in run if item.partition("=")[0] not in same]
    return {key: value for key, _, value in pairs}


def _runs(typed: Sequence[str]) -> Iterator[Sequence[str]]:
    """The choices of options that the runs of a sweep make."""
    dimensions: list[list[str]] = []
    for override in _parsed([*typed, *_in_files()]):
        if "." in override.key_or_group or (override.key_or_group in TEXT and override.key_or_group != GROUP):
            continue  # a value, which selects nothing
        if not override.is_sweep_override():
            dimensions.append([str(override.input_line)])
        elif override.is_discrete_sweep():
            dimensions.append([f"{override.get_key_element()}={one}" for one in override.sweep_string_iterator()])
    return itertools.islice(itertools.product(*dimensions), MOST_RUNS)


def _in_files() -> list[str]:
    """What a configuration says to sweep over, in `hydra.sweeper.params`."""
    from hydra.core.hydra_config import HydraConfig

    params: Any = HydraConfig.get().sweeper.get("params") or {}
    return [f"{key}={value}" for key, value in params.items() if isinstance(value, str)]


def _parsed(overrides: Sequence[str]) -> list[Override]:
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    loader = GlobalHydra.instance().config_loader()  # glob(*) asks it for the options
    return OverridesParser.create(config_loader=loader).parse_overrides([*overrides])


def _try(name: str, config: DictConfig) -> None:
    """Raise `CallsheetError` if plugin `name` would refuse what is set for it here."""
    from callsheet.config.hydra_errors import plain
    from callsheet.config.plan import make_plugin

    settings = OmegaConf.create({PLUGINS: {name: structured(name)}})
    OmegaConf.set_struct(settings, True)
    try:
        merged: Any = OmegaConf.merge(settings, {PLUGINS: {name: config.plugins.get(name) or {}}})
    except Exception as error:
        raise plain(error) from error
    if not OmegaConf.missing_keys(node := merged[PLUGINS][name]):
        make_plugin(name, load(name), node)
