"""The trainer of a run: its arguments, what it is given, and the object itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callsheet import rewards
from callsheet.config.plan import Plan
from callsheet.disk import os_errors
from callsheet.errors import CallsheetError, first_line
from callsheet.introspect.importing import accepts, import_object
from callsheet.launch import engines
from callsheet.privates.transformers import train_on_one_gpu
from callsheet.trainer import adapters, ref_model
from callsheet.trainer import args as trainer_args
from callsheet.trainer.inputs import Material, prepare
from callsheet.trainer.made.prepared import watcher
from callsheet.trainer.made.preparing import watched
from callsheet.trainer.models import has_new_rows, seeded_model
from callsheet.trainer.precision import with_precision
from callsheet.trainer.random_init import keep_base

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback, TrainingArguments

__all__ = ["make_args", "make_trainer", "prepare"]

logger = logging.getLogger("callsheet")


def make_args(plan: Plan) -> TrainingArguments:
    """The real configuration of the trainer; what it refuses becomes a `CallsheetError`."""
    config_class = import_object(plan.trainer.config_class, "trainer.config_class")
    args = {
        **with_precision(trainer_args.coerce(plan.trainer.args, plan.trainer.config_class)),
        **_loading(plan),
        **engines.arguments(plan.launch),
        "output_dir": str(plan.run_dir),
    }
    try:
        made: TrainingArguments = config_class(**args)
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        raise CallsheetError(f"{plan.trainer.config_class} refuses trainer.args: {error}") from error
    train_on_one_gpu(made)
    return made


def _loading(plan: Plan) -> dict[str, Any]:
    """How processes read a stream: each for itself. Rank 0 would send batches of one length only."""
    given = plan.trainer.args.get("accelerator_config") or {}
    if not plan.dataset.streaming or not isinstance(given, Mapping):
        return {}
    return {"accelerator_config": {"dispatch_batches": False, **given}}


def make_trainer(
    plan: Plan, args: TrainingArguments, material: Material, callbacks: Sequence[TrainerCallback]
) -> Trainer:
    """Build the trainer with its model, seeded as TRL does."""
    import torch

    trainer_class = import_object(plan.trainer.trainer_class, "trainer.trainer_class")
    if plan.launch.threads:
        torch.set_num_threads(plan.launch.threads)
    model = seeded_model(plan.model, args.seed)
    # Without it, classifiers of transformers 5.23 refuse every batch of more than one row (modeling_layers.py).
    if material.collator and getattr(model.config, "pad_token_id", None) is None:
        model.config.pad_token_id = material.tokenizer.pad_token_id
    if material.peft and (plan.model.init == "config" or has_new_rows(plan.model, model)):
        keep_base(model, plan.run_dir, is_main=args.process_index == 0)
    given = {
        "args": args,
        "train_dataset": material.train,
        "eval_dataset": material.evaluation,
        "processing_class": material.tokenizer,
        "callbacks": list(callbacks),
        **({"data_collator": material.collator} if material.collator else {}),
        **({"reward_funcs": [*map(_reward, material.rewards)]} if material.rewards else {}),
        **ref_model.given(plan, args, trainer_class),
    }
    if material.peft and accepts(trainer_class, "peft_config"):
        given["peft_config"] = material.peft
    elif material.peft:
        model = adapters.with_adapter(model, material.peft, args)
    with ref_model.loadable_reference(model, plan, args, trainer_class):
        trainer = _built(plan, watched(trainer_class, watcher(plan, args)), model, given)
    _name_rewards(trainer, plan)
    if material.peft:
        logger.info("%s: %s.", plan.peft.type, adapters.trainable(trainer.model))
    return trainer


def _built(plan: Plan, trainer_class: Any, model: Any, given: dict[str, Any]) -> Trainer:
    try:
        return trainer_class(model=model, **given)
    except (ValueError, NotImplementedError, ImportError) as error:
        raise CallsheetError(f"{plan.trainer.trainer_class} refuses to be built: {error}") from error


def _name_rewards(trainer: Any, plan: Plan) -> None:
    """Let no two rewards share a column of the log."""
    before = getattr(trainer, "reward_func_names", [])
    if (names := rewards.distinct(before, plan.trainer.rewards)) != before:
        trainer.reward_func_names = names
        logger.info("Rewards of one name are logged as %s.", ", ".join(f"rewards/{name}" for name in names))


def _reward(reward: Any) -> Any:
    """A reward function as it is, or the reward model at a path."""
    from transformers import AutoModelForSequenceClassification

    if not isinstance(reward, str):
        return reward
    try:
        return AutoModelForSequenceClassification.from_pretrained(reward, num_labels=1)
    except (OSError, ValueError) as error:
        if refused := os_errors.explained(error, os_errors.places()):
            raise refused from error
        said = f"trainer.rewards: the reward model '{reward}' could not be loaded: {first_line(error)}"
        raise CallsheetError(said) from error
