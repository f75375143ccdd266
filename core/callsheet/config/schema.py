"""The names people type: the typed root of every configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from callsheet.config.experiment import ExperimentSettings
from callsheet.outbox.settings import OutboxSettings
from callsheet.rundir.again import changes
from callsheet.settings import setting

A_DAY = 86_400  # seconds
MOST = 4096  # processes, nodes or threads, which is more than any computer starts


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
    auto_class: str = setting(
        "AutoModelForCausalLM", help="The class that loads it: an Auto class of transformers, or pkg.module.Class."
    )
    chat_template: str | None = setting(None, help="A Jinja file, or the template itself, in place of the tokenizer's.")
    dtype: str = setting(
        "auto",
        choices=("auto", "float32", "bfloat16", "float16"),
        help="Type of the weights; auto keeps the checkpoint's.",
    )
    resize_embeddings: bool | None = setting(
        None,
        help="If the tokenizer has more tokens than the embedding has rows: true adds rows, false leaves the model "
        "as it is; left out, that is refused.",
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
    streaming: bool = setting(
        False,
        help="Read training rows while training goes on, for data larger than memory; needs trainer.args.max_steps.",
    )
    shuffle_buffer: int | None = setting(
        None, ge=0, help="Rows of a stream among which the next one is drawn; left out, 1000; 0 keeps their order."
    )
    seed: int = setting(0, ge=0, help="Draws and shuffles a mixture, and splits off the held-out rows.")
    system_prompt: str | None = setting(
        None, help="Put before every conversation that does not begin with one; plain prompts become conversations."
    )
    test_split_size: float | None = setting(
        None, gt=0, help="Hold out this share (below 1) or number (1 and above) of rows for evaluation."
    )
    eval: Any = setting(
        {}, help="Evaluation sets by name, {easy: a.jsonl, hard: {path: b.jsonl, split: test}}, or the path of one."
    )
    eval_path: str | None = setting(None, help="The path of a single evaluation set.")
    eval_split: str = setting("test", help="Split of evaluation sets on the Hub that name none.")


@dataclass
class TokenizeSettings:
    """How text becomes tokens, for a trainer that does not see to it."""

    text_field: str = setting("text", help="The column with the text.")
    max_length: int | None = setting(None, ge=1, help="Cut longer texts; left out, where the tokenizer's limit is.")


@dataclass
class TrainerSettings:
    """Who trains: the classes of a trainer and the arguments of its configuration."""

    name: str = setting("???", help="What it is called in messages; a run is continued only by the same trainer.")
    trainer_class: str = setting("???", help="A transformers.Trainer, as pkg.module.Class.")
    config_class: str = setting("???", help="The class of its arguments, as pkg.module.Class.")
    columns: list[str] = setting([], help="What data must bring: one of these, with + between what belongs together.")
    rewards: list[Any] = setting(
        [],
        help="Reward functions: a name of trl.rewards, pkg.module.function, or {path: …} with arguments for a maker.",
    )
    ref_model: str | None = setting(
        None, help="A model to compare with, in place of the one that training starts from."
    )
    tokenize: TokenizeSettings | None = setting(None, help="Turn text into tokens before training.")
    args: dict[str, Any] = setting({}, help="Arguments of `config_class`.")

    @property
    def text_field(self) -> str:
        """The column that stands for `text` in `columns`."""
        return self.tokenize.text_field if self.tokenize else str(self.args.get("dataset_text_field", "text"))


@dataclass
class PeftSettings:
    """Which adapter trains in place of the whole model."""

    type: str | None = setting(None, help="A configuration class of peft such as LoraConfig, or pkg.module.Class.")
    args: dict[str, Any] = setting({}, help="Its arguments.")


@dataclass
class LaunchSettings:
    """On how many processes, joined by which engine, and with how many threads each."""

    name: str = setting("single", choices=("single", "ddp", "zero2", "zero3", "fsdp2"))
    processes: int | None = setting(None, ge=1, le=MOST, help="Processes on each node; left out, one per GPU.")
    nodes: int = setting(1, ge=1, le=MOST, help="Machines; run the same command on each.")
    endpoint: str | None = setting(
        None, help="host:port at which several nodes meet, on one of them; left out, the first node of the Slurm job."
    )
    wait_seconds: int = setting(900, ge=1, le=A_DAY, help="Seconds that nodes wait for one another at the start.")
    threads: int | None = setting(
        None, ge=1, le=MOST, help="Threads that torch computes with on the CPU; left out, its choice."
    )
    config: dict[str, Any] = setting({}, help="Details of the engine: DeepSpeed's configuration, or an fsdp_config.")


@dataclass
class FinishSettings:
    """What happens once training is over."""

    evaluate: bool = setting(False, help="Evaluate once more, and save the metrics beside the model.")
    push: bool = setting(False, help="Publish the final model, by the plugin that publishes checkpoints.")


@dataclass
class Root:
    """Everything `callsheet train` understands."""

    experiment: ExperimentSettings = field(default_factory=ExperimentSettings)
    output_dir: str = "???"
    resume: str = "auto"
    branch: bool = False
    model: ModelSettings = field(default_factory=ModelSettings)
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    peft: PeftSettings = field(default_factory=PeftSettings)
    launch: LaunchSettings = field(default_factory=LaunchSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    finish: FinishSettings = field(default_factory=FinishSettings)
    plugins: dict[str, Any] = field(default_factory=dict)
    plugins_lock: str | None = None
    callbacks: dict[str, Any] = field(default_factory=dict)


@cache
def defaults() -> Mapping[str, Any]:
    """The default of every setting by its name, `dataset.mixture[].weight` for one of an item of a list."""
    from omegaconf import OmegaConf

    parts = {"": Root, "dataset.mixture[]": SourceSettings, "trainer.tokenize": TokenizeSettings}
    flat = (changes.flat(OmegaConf.to_container(OmegaConf.structured(part)), name) for name, part in parts.items())
    return MappingProxyType({name: value for part in flat for name, value in part.items()})
