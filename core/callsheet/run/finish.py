"""The work after the loop, as in open-r1: save a model that loads, its card and its metrics."""

from __future__ import annotations

import stat
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.config.plan import Plan
from callsheet.disk.cleared import without_linked_files
from callsheet.disk.inside import Inside
from callsheet.distributed.collectives import all_gather
from callsheet.run import card

if TYPE_CHECKING:
    from transformers import Trainer

    from callsheet.session.session import Session


def finish(trainer: Trainer, session: Session, plan: Plan) -> None:
    """Save the model, its tokenizer, card and metrics into the run directory; called on every rank."""
    if any(all_gather(session.signals.received is not None)):
        return  # a checkpoint is saved, and the sender of the signal wants the process to end
    align_end_of_sequence(trainer)
    if plugin := getattr(trainer.accelerator.state, "fsdp_plugin", None):
        plugin.set_state_dict_type("FULL_STATE_DICT")  # else save_model saves nothing and does not say so
    if session.run_dir.is_main:
        _free_links(session.run_dir.path)
    trainer.save_model()
    if session.state.is_main:
        write_card(trainer, plan)
        allow_cache(trainer)
    save_metrics(trainer, plan)
    session.run_dir.event("saved", step=session.state.step)
    if plan.finish.push:
        session.lineup.publish(session.state, session.run_dir.path)


def align_end_of_sequence(trainer: Any) -> None:
    """Put the tokenizer's end-of-text token into the generation config: training may have changed the token.

    Other stop tokens of the generation config, such as the end of a turn, stay.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    config, token = getattr(model, "generation_config", None), getattr(trainer.processing_class, "eos_token_id", None)
    if config is None or token is None:
        return
    known = config.eos_token_id if isinstance(config.eos_token_id, list) else []
    config.eos_token_id = [token, *(other for other in known if other != token)] if token in known else token


def write_card(trainer: Any, plan: Plan) -> None:
    """Write the model card, if the trainer can. TRL's argument for the data set is not the one of transformers."""
    if write := getattr(trainer, "create_model_card", None):
        named = "dataset_name" if "dataset_name" in signature(write).parameters else "dataset"
        write(model_name=plan.run_dir.name, tags=["callsheet", plan.trainer.name], **{named: dataset_name(plan)})
        card.mend(plan.run_dir / "README.md", plan)


def dataset_name(plan: Plan) -> str | None:
    """The name of the data set for the card: only an id on the Hub, because a path would tell about this machine."""
    names = [plan.dataset.path, *(source.path for source in plan.dataset.mixture)]
    return next((name for name in names if name and not Path(name).expanduser().exists()), None)


def allow_cache(trainer: Any) -> None:
    """Switch the key-value cache on again and save that; activation checkpointing had switched it off."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    config: Any = getattr(model, "config", None)
    if hasattr(config, "use_cache"):
        config.use_cache = True
        if not hasattr(model, "peft_config"):  # beside an adapter, the config.json of its base would mislead
            config.save_pretrained(trainer.args.output_dir)


def save_metrics(trainer: Any, plan: Plan) -> None:
    """Write train_results.json, all_results.json, trainer_state.json and, if asked for, eval_results.json."""
    logged: dict[str, float] = next((row for row in reversed(trainer.state.log_history) if "train_runtime" in row), {})
    trainer.save_metrics("train", {key: value for key, value in logged.items() if key != "step"})
    if plan.finish.evaluate:
        trainer.save_metrics("eval", trainer.evaluate())
    trainer.save_state()


def _free_links(folder: Path) -> None:
    """Unlink files that the outbox has hard links to, and symbolic links: safetensors writes in place, through both."""
    without_linked_files(folder)
    inside = Inside(folder)
    for name in inside.names():
        if (found := inside.stat(name)) and stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
            inside.remove(name)
