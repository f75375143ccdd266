"""What remains to be done once the loop is over, as open-r1 does it: a model that loads, its card, its numbers."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.config.plan import Plan
from callsheet.distributed.collectives import all_gather

if TYPE_CHECKING:
    from transformers import Trainer

    from callsheet.session.session import Session


def finish(trainer: Trainer, session: Session, plan: Plan) -> None:
    """Save the model, its tokenizer, card and metrics into the run directory; called on every rank."""
    if any(all_gather(session.signals.received is not None)):
        return  # a checkpoint was saved; whoever sent the signal wants the process gone
    align_end_of_sequence(trainer)
    if plugin := getattr(trainer.accelerator.state, "fsdp_plugin", None):
        plugin.set_state_dict_type("FULL_STATE_DICT")  # or save_model would save nothing, without a word
    if session.run_dir.is_main:
        _free_links(session.run_dir.path)
    trainer.save_model()
    if session.state.is_main:
        write_card(trainer, plan)
        allow_cache(trainer)
    save_metrics(trainer, plan)
    session.run_dir.event("saved", path=str(session.run_dir.path), step=session.state.step)
    if plan.finish.push:
        session.lineup.publish(session.state, session.run_dir.path)


def align_end_of_sequence(trainer: Any) -> None:
    """Have generation stop where the tokenizer says that a text ends: training may have given it another token.

    What the generation config stops at beyond that, such as the end of a turn, it keeps.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    config, token = getattr(model, "generation_config", None), getattr(trainer.processing_class, "eos_token_id", None)
    if config is None or token is None:
        return
    known = config.eos_token_id if isinstance(config.eos_token_id, list) else []
    config.eos_token_id = [token, *(other for other in known if other != token)] if token in known else token


def write_card(trainer: Any, plan: Plan) -> None:
    """The model card, by trainers that can write one; TRL's name the data set otherwise than transformers' own."""
    if write := getattr(trainer, "create_model_card", None):
        named = "dataset_name" if "dataset_name" in signature(write).parameters else "dataset"
        write(model_name=plan.run_dir.name, tags=["callsheet", plan.trainer.name], **{named: dataset_name(plan)})


def dataset_name(plan: Plan) -> str | None:
    """What the card calls the data: only what others could find on the Hub, for a path would tell of this machine."""
    names = [plan.dataset.path, *(source.path for source in plan.dataset.mixture)]
    return next((name for name in names if name and not Path(name).expanduser().exists()), None)


def allow_cache(trainer: Any) -> None:
    """Switch the key-value cache back on, which checkpointing of activations had off, and save that."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    config: Any = getattr(model, "config", None)
    if hasattr(config, "use_cache"):
        config.use_cache = True
        if not hasattr(model, "peft_config"):  # beside an adapter, the configuration of its base would mislead
            config.save_pretrained(trainer.args.output_dir)


def save_metrics(trainer: Any, plan: Plan) -> None:
    """Write train_results.json and all_results.json, eval_results.json where asked for, and trainer_state.json."""
    logged: dict[str, float] = next((row for row in reversed(trainer.state.log_history) if "train_runtime" in row), {})
    trainer.save_metrics("train", {key: value for key, value in logged.items() if key != "step"})
    if plan.finish.evaluate:
        trainer.save_metrics("eval", trainer.evaluate())
    trainer.save_state()


def _free_links(folder: Path) -> None:
    """Unlink what an outbox entry still holds: safetensors writes in place, and would change it under the courier."""
    for path in folder.iterdir():
        if path.is_file() and path.stat().st_nlink > 1:
            path.unlink()
