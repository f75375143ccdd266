"""`experiment=` means a file of the group, a user's file by its path, or else the name of a plain run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from callsheet.config.experiment.files import BY_PATH
from callsheet.config.experiment.words import GROUP
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.privates.hydra import choosing
from callsheet.screen import quoted

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from hydra.plugins.config_source import ConfigResult, ConfigSource

    from callsheet.privates.hydra import Repository

Reader = Callable[[str, str], "ConfigSource"]  # of a provider and a folder
NAME = f"{GROUP}.name"
ENDINGS = (".yaml", ".yml")


def settled(reader: Reader, overrides: Sequence[Override], repository: Repository) -> list[Override]:
    """`overrides`, where `experiment=` sets the name if there is no such file. What was typed stays on record.

    `reader` reads a user's file, which is named by its path.
    """
    settle = partial(_settled, reader, repository)
    return [settle(each) if _chooses(each) else each for each in overrides]


def named(result: ConfigResult, config_path: str) -> None:
    """Let the experiment in the file at `config_path`, which was chosen, have the file's name if it has none."""
    option = config_path.removeprefix(f"{GROUP}/")
    name = Path(option).name if option.startswith("/") else option
    if OmegaConf.select(result.config, NAME) is None:
        OmegaConf.update(result.config, NAME, name, force_add=True)


def _chooses(override: Override) -> bool:
    return (
        override.key_or_group == GROUP
        and override.package is None
        and not override.is_delete()
        and not override.is_sweep_override()
        and not isinstance(override.value(), dict)
    )


def _settled(reader: Reader, repository: Repository, override: Override) -> Override:
    from hydra.core.override_parser.types import OverrideType

    value = override.value()
    option = _option(value, repository, reader) if isinstance(value, str) else None
    if option is None:
        return replace(override, key_or_group=NAME, type=OverrideType.CHANGE)
    return choosing(override, option)


def _option(value: str, repository: Repository, reader: Reader) -> str | None:
    """The option of the group, which a user's file becomes by its absolute path; None for a name."""
    option = value.removesuffix(ENDINGS[0])
    if _is_plain(option) and repository.config_exists(f"{GROUP}/{option}"):
        return option
    if not value.endswith(ENDINGS):
        return None
    file = Path(value).expanduser().absolute()
    if not file.is_file():
        raise CallsheetError(_no_file(value, file, repository))
    if file.suffix != ENDINGS[0]:
        raise CallsheetError(f"experiment={quoted(value)}: rename it so that it ends in .yaml, as Hydra's files do.")
    repository.add(reader(GROUP, BY_PATH))
    return str(file.with_suffix(""))


def _is_plain(option: str) -> bool:
    return not option.startswith(("/", "~")) and not {"", ".", ".."} & {*option.split("/")}


def _no_file(value: str, file: Path, repository: Repository) -> str:
    beside: Any = file.parent.glob("*.yaml") if file.parent.is_dir() else ()
    options = repository.options(GROUP)
    near = did_you_mean(value, [*(str(Path(value).parent / each.name) for each in beside), *options])
    return f"experiment={quoted(value)}: there is no such file.{near} Experiments: {', '.join(options) or 'none'}."
