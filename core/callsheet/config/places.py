"""Where a setting stands, for somebody who knows its name alone: `seed` is `trainer.args.seed`, or `dataset.seed`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from callsheet.config.schema import Root
from callsheet.errors import CallsheetError
from callsheet.introspect.arguments import read_arguments

DEFAULT = "trl.SFTConfig"
MOST = 3
SECTIONS = ("recipe", *(field.name for field in fields(Root)))  # what stands before the first dot
# What people bring from TRL's own command line and from other programs.
ELSEWHERE = {
    "model_name_or_path": "model.path",
    "model_name": "model.path",
    "model_revision": "model.revision",
    "torch_dtype": "model.dtype",
    "dataset_name": "dataset.path",
    "dataset_config": "dataset.name",
    "dataset_train_split": "dataset.split",
    "dataset_test_split": "dataset.eval_split",
    "lora_r": "peft.args.r",
    "lora_alpha": "peft.args.lora_alpha",
    "lora_dropout": "peft.args.lora_dropout",
    "lora_target_modules": "peft.args.target_modules",
    "lr": "trainer.args.learning_rate",
    "batch_size": "trainer.args.per_device_train_batch_size",
    "epochs": "trainer.args.num_train_epochs",
    "num_epochs": "trainer.args.num_train_epochs",
}


def of(name: str, config: Any) -> list[str]:
    """The settings that are called `name`, as they are typed; `config` is what was composed when it was not found."""
    found = [*_arguments(name, config), *_of_plugins(name, config)]
    elsewhere = [ELSEWHERE[name]] if name in ELSEWHERE else []
    return [*found, *_sections(name), *elsewhere][:MOST]


def _sections(name: str) -> Iterator[str]:
    for section in sorted(fields(Root), key=lambda section: section.name == "experiment"):  # which few mean
        if is_dataclass(kind := section.default_factory) and name in {field.name for field in fields(kind)}:
            yield f"{section.name}.{name}"


def _arguments(name: str, config: Any) -> Iterator[str]:
    """Of the trainer that was chosen, or as every trainer has them."""
    chosen = OmegaConf.select(config, "trainer.config_class", default=None) if isinstance(config, DictConfig) else None
    try:
        known = read_arguments(str(chosen or DEFAULT))
    except CallsheetError:
        return
    if name in known:
        yield f"trainer.args.{name}"


def _of_plugins(name: str, config: Any) -> Iterator[str]:
    plugins = config.get("plugins") if isinstance(config, DictConfig) and "plugins" in config else None
    for plugin, node in (plugins or {}).items():
        if isinstance(node, DictConfig) and name in node and name != "on_error":
            yield f"plugins.{plugin}.{name}"
