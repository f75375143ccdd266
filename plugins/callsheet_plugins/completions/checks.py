"""What is wrong with the settings of `completions`, before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from callsheet import PreflightReport

if TYPE_CHECKING:
    from callsheet_plugins.completions.plugin import Completions

GENERATES = ("grpo", "rloo")
KNOWN = ("sft", "dpo", "kto", "hf", *GENERATES)  # trainers that get no other data than those of the configuration
WRITERS = ("CausalLM", "ImageTextToText", "Seq2SeqLM", "Vision2Seq", "SpeechSeq2Seq", "MultimodalLM")
DATA = "Set dataset.eval_path or dataset.test_split_size"


def check(plugin: Completions, name: str, config: Mapping[str, Any], report: PreflightReport) -> None:
    """Report what is wrong; of a script, which has no configuration, what the settings alone tell."""
    from callsheet.generation import settings
    from callsheet.rewards.scorers import scorer_problems

    place = f"plugins.{name}"
    for problem in (
        *settings.problems(plugin.generation_config, f"{place}.generation_config"),
        *scorer_problems(plugin.scorers, f"{place}.scorers"),
        *(_problems(plugin, place, config) if "trainer" in config else ()),
    ):
        report.problem(problem)
    for warning in (
        *settings.doubts(plugin.generation_config, f"{place}.generation_config"),
        *(_warnings(plugin, place, config) if "trainer" in config else ()),
    ):
        report.warning(warning)


def _samples(plugin: Completions, config: Mapping[str, Any]) -> bool:
    return config["trainer"].get("name") not in GENERATES if plugin.sample is None else plugin.sample


def _problems(plugin: Completions, place: str, config: Mapping[str, Any]) -> Iterator[str]:
    if not _samples(plugin, config):
        return
    dataset, trainer = config.get("dataset") or {}, config["trainer"]
    if trainer.get("name") in KNOWN and not any(map(dataset.get, ("eval_path", "eval", "test_split_size"))):
        instead = f"leave {place.partition('.')[2]} out" if plugin.sample is None else f"leave {place}.sample out"
        yield f"{place} takes its prompts from the evaluation set, and there is none. {DATA}, or {instead}."
    kind = str((config.get("model") or {}).get("auto_class") or "")
    if kind.startswith("AutoModel") and not kind.endswith(WRITERS):
        yield f"{place} cannot sample a model of model.auto_class={kind}, which gives no text. Leave one out."


def _warnings(plugin: Completions, place: str, config: Mapping[str, Any]) -> Iterator[str]:
    args = config["trainer"].get("args") or {}
    steps = args.get("max_steps")
    if not _samples(plugin, config):
        return
    if plugin.freq is None and args.get("eval_strategy", "no") in ("no", False):
        yield f"{place} samples once, at the end: trainer.args.eval_strategy is no, and {place}.freq is not set."
    elif plugin.freq and isinstance(steps, int) and 0 < steps < plugin.freq:
        yield f"{place} samples once, at the end: {place}.freq={plugin.freq}, and the run takes {steps} steps."
