"""What may follow in an override, by what Hydra composes from the others: groups, settings, choices of a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from enum import Enum
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from callsheet.introspect.arguments import Argument

ARGUMENTS = {"trainer.args": ("trainer.config_class", "trl.SFTConfig"), "peft.args": ("peft.type", "LoraConfig")}
BOOLEANS = ("true", "false")


def settings(overrides: Sequence[str], flags: Sequence[str], word: str) -> list[str]:
    """How `word` can go on behind `overrides`; `flags` say where configurations lie."""
    signs = word[: len(word) - len(word.lstrip("+~"))]
    key, equals, value = word[len(signs) :].partition("=")
    section = next((name for name in ARGUMENTS if key.startswith(f"{name}.")), "")
    config, overrides = _composed(overrides, flags)
    if section and config is not None:
        known = _arguments(config, section)
        return _of_arguments(section, known, word, key, value if equals else None)
    if equals and "." in key and config is not None and (choices := [*_choices(config, key)]):
        done, comma, last = value.rpartition(",")  # a sweep lists several
        return [f"{signs}{key}={done}{comma}{each}" for each in choices if each.startswith(last)]
    return _from_hydra(overrides, flags, word)


def ask_hydra(arguments: Sequence[str]) -> int:
    """Have Hydra answer, which prints."""
    import hydra

    from callsheet.cli.hydra_app import as_typed
    from callsheet.config import compose

    compose.bind()
    app = hydra.main(
        version_base=compose.VERSION_BASE, config_path=f"pkg://{compose.CONFIG_MODULE}", config_name="config"
    )
    with compose.files_read_our_way(), as_typed(["callsheet", *arguments]):
        app(lambda config: None)()
    return 0


def _from_hydra(overrides: Sequence[str], flags: Sequence[str], word: str) -> list[str]:
    """Hydra's own candidates; it reads the line from the environment, without the first word, the program's name."""
    from callsheet.config.compose import translated
    from callsheet.process.environment import changed_environment

    printed, line = StringIO(), " ".join(["callsheet", *translated(overrides), word])
    try:
        with changed_environment({"COMP_LINE": line}), redirect_stdout(printed), redirect_stderr(StringIO()):
            ask_hydra(["-sc", "query=bash", *flags])
    except (Exception, SystemExit):  # a shell must not hear of what is wrong with a line that is not finished
        return []
    return printed.getvalue().split()


def _composed(overrides: Sequence[str], flags: Sequence[str]) -> tuple[DictConfig | None, Sequence[str]]:
    """What the words so far compose to, and those of them that count: without the settings if one of them is wrong."""
    for chosen in (overrides, [item for item in overrides if "." not in item.partition("=")[0]], []):
        if (config := _config_of(chosen, flags)) is not None:
            return config, chosen
    return None, []


def _config_of(overrides: Sequence[str], flags: Sequence[str]) -> DictConfig | None:
    from callsheet.cli.hydra_app import run_app

    found: list[DictConfig] = []

    def keep(config: DictConfig, typed: list[str]) -> int:
        found.append(config)
        return 0

    try:
        with redirect_stderr(StringIO()):
            run_app("check", keep, [*overrides, *flags])
    except (Exception, SystemExit):  # as above
        return None
    return found[0] if found else None


def _arguments(config: DictConfig, section: str) -> Mapping[str, Argument]:
    """The arguments of the class that is chosen, from its source."""
    from omegaconf import OmegaConf

    from callsheet.errors import CallsheetError
    from callsheet.introspect.arguments import read_arguments

    setting, default = ARGUMENTS[section]
    chosen = str(OmegaConf.select(config, setting, default=None) or default)
    try:
        return read_arguments(chosen if "." in chosen else f"peft.{chosen}")
    except CallsheetError:
        return {}


def _of_arguments(section: str, known: Mapping[str, Argument], word: str, key: str, value: str | None) -> list[str]:
    """The names of arguments, or the values of one: its choices, true and false, or its default."""
    if value is None:
        return [f"{section}.{name}=" for name in known if f"{section}.{name}".startswith(key)]
    argument = known.get(key.removeprefix(f"{section}."))
    start = word[: len(word) - len(value)]
    done, comma, last = value.rpartition(",")
    found = (argument.choices or (BOOLEANS if "bool" in argument.types else ())) if argument else ()
    return [f"{start}{done}{comma}{each}" for each in found if each.startswith(last)]


def _choices(config: Any, key: str) -> Iterator[str]:
    """The choices of a setting of the schema or of a selected plugin."""
    from omegaconf import OmegaConf

    from callsheet.settings import choices_of

    section, _, name = key.rpartition(".")
    try:
        made = OmegaConf.get_type(OmegaConf.select(config, section)) if section else None
    except Exception:  # a section that is not there, or a value that is missing
        return
    if not (isinstance(made, type) and is_dataclass(made)):
        return
    field = next((field for field in fields(made) if field.name == name), None)
    if field is None:
        return
    kind = str(field.type if isinstance(field.type, str) else getattr(field.type, "__name__", field.type))
    if choices := choices_of(field):
        yield from choices
    elif isinstance(field.type, type) and issubclass(field.type, Enum):
        yield from field.type.__members__
    elif kind.replace(" ", "") in ("bool", "bool|None", "Optional[bool]"):
        yield from BOOLEANS
