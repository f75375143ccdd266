"""The names people type: the typed root of every configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from callsheet.outbox.settings import OutboxSettings
from callsheet.settings import setting


@dataclass
class ModelSettings:
    """What is trained."""

    path: str = setting("???", help="A folder, or a repository on the Hub.")
    revision: str | None = setting(None, help="Branch, tag or commit on the Hub.")
    init: str = setting(
        "pretrained",
        choices=("pretrained", "config"),
        help="Load weights, or draw them at random for the configuration at `path` with trainer.args.seed.",
    )
    dtype: str = setting(
        "auto",
        choices=("auto", "float32", "bfloat16", "float16"),
        help="Type of the weights; auto keeps the checkpoint's.",
    )
    attn_implementation: str | None = setting(None, help="eager, sdpa, flash_attention_2, … as transformers has them.")
    trust_remote_code: bool = setting(False, help="Run code that comes with the model.")
    kwargs: dict[str, Any] = setting({}, help="More arguments of `from_pretrained`.")


@dataclass
class SourceSettings:
    """One data set of a mixture, named as in open-r1."""

    path: str = setting("???", help="A JSONL, JSON, CSV or Parquet file, a folder of them, or a data set on the Hub.")
    name: str | None = setting(None, help="Configuration of a data set on the Hub.")
    split: str = setting("train", help="Split, with slices as datasets has them: train[:10%].")
    columns: list[str] | None = setting(None, help="Keep only these columns.")
    weight: float = setting(1.0, gt=0, le=1, help="Share of its rows that joins the mixture, drawn with the seed.")


@dataclass
class DatasetSettings:
    """What it is trained on: one data set at `path`, or a `mixture` of several."""

    path: str | None = setting(None, help="A JSONL, JSON, CSV or Parquet file, a folder of them, or a Hub id.")
    name: str | None = setting(None, help="Configuration of a data set on the Hub.")
    split: str = setting("train", help="Split, with slices as datasets has them: train[:10%].")
    columns: list[str] | None = setting(None, help="Keep only these columns.")
    mixture: list[SourceSettings] = setting([], help="Several data sets with their weights, instead of `path`.")
    seed: int = setting(0, ge=0, help="Draws and shuffles a mixture, and splits off the held-out rows.")
    test_split_size: float | None = setting(
        None, gt=0, help="Hold out this share (below 1) or number (1 and above) of rows for evaluation."
    )
    eval_path: str | None = setting(None, help="A data set of its own for evaluation.")
    eval_split: str = setting("test", help="Split of `eval_path`; a local file has only `train`.")


@dataclass
class TrainerSettings:
    """Who trains: the classes of a trainer and the arguments of its configuration."""

    name: str = "???"
    trainer_class: str = "???"
    config_class: str = "???"
    columns: list[str] = field(default_factory=list)
    args: dict[str, Any] = field(default_factory=dict)


@dataclass
class LaunchSettings:
    """On how many processes, and with how many threads each."""

    name: str = setting("single", choices=("single",))
    threads: int | None = setting(None, ge=1, help="Threads that torch computes with on the CPU; left out, its choice.")


@dataclass
class FinishSettings:
    """What is done with the final model."""

    push: bool = setting(False, help="Publish it, by the plugin that publishes checkpoints.")


@dataclass
class Root:
    """Everything `callsheet train` understands."""

    experiment: str = "default"
    output_dir: str = "???"
    resume: str = "auto"
    model: ModelSettings = field(default_factory=ModelSettings)
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    launch: LaunchSettings = field(default_factory=LaunchSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    finish: FinishSettings = field(default_factory=FinishSettings)
    plugins: dict[str, Any] = field(default_factory=dict)
    callbacks: dict[str, Any] = field(default_factory=dict)
