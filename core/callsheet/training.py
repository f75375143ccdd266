"""The trainer of a run: its arguments, what it is given, and the object itself."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from callsheet import adapters, engines, trainer_args
from callsheet.errors import CallsheetError
from callsheet.importing import import_object
from callsheet.named_callbacks import named_callbacks
from callsheet.plan import Plan
from callsheet.precision import settled
from callsheet.preparing import Material, prepare

if TYPE_CHECKING:
    from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments

__all__ = ["make_args", "make_trainer", "named_callbacks", "prepare"]

logger = logging.getLogger("callsheet")


def make_args(plan: Plan) -> TrainingArguments:
    """The real configuration of the trainer; what it refuses becomes a `CallsheetError`."""
    config_class = import_object(plan.trainer.config_class, "trainer.config_class")
    args = {
        **settled(trainer_args.coerce(plan.trainer.args, plan.trainer.config_class)),
        **engines.arguments(plan.launch),
        "output_dir": str(plan.run_dir),
    }
    try:
        made: TrainingArguments = config_class(**args)
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        raise CallsheetError(f"{plan.trainer.config_class} refuses trainer.args: {error}") from error
    if made.n_gpu > 1:
        made._n_gpu = 1  # or Trainer would spread a lone process over all GPUs with torch's old DataParallel
    return made


def make_trainer(
    plan: Plan, args: TrainingArguments, material: Material, callbacks: Sequence[TrainerCallback]
) -> Trainer:
    """Build the trainer with its model, seeded as TRL does."""
    import torch

    trainer_class = import_object(plan.trainer.trainer_class, "trainer.trainer_class")
    if plan.launch.threads:
        torch.set_num_threads(plan.launch.threads)
    model = _seeded(plan, args)
    if material.collator and getattr(model.config, "pad_token_id", None) is None:
        model.config.pad_token_id = material.tokenizer.pad_token_id
    given = {
        "args": args,
        "train_dataset": material.train,
        "eval_dataset": material.evaluation,
        "processing_class": material.tokenizer,
        "callbacks": list(callbacks),
        **({"data_collator": material.collator} if material.collator else {}),
        **({"reward_funcs": [*map(_reward, material.rewards)]} if material.rewards else {}),
        **_reference(plan, args, trainer_class),
    }
    if material.peft and accepts(trainer_class, "peft_config"):
        given["peft_config"] = material.peft
    elif material.peft:
        model = adapters.with_adapter(model, material.peft, bool(getattr(args, "activation_checkpointing", False)))
    with _findable(model) if _loads_its_reference(plan, args, trainer_class) else nullcontext():
        trainer = _built(plan, trainer_class, model, given)
    if material.peft:
        logger.info("%s: %s.", plan.peft.type, adapters.trainable(trainer.model))
    return trainer


def accepts(trainer_class: type, name: str) -> bool:
    """Whether the constructor of `trainer_class` takes `name`, itself or through `**kwargs` for the class above."""
    for above in trainer_class.__mro__:
        if "__init__" in vars(above):
            parameters = inspect.signature(above.__init__).parameters  # type: ignore[misc]  # of the class, on purpose
            if name in parameters:
                return True
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
                return False
    return False


def _seeded(plan: Plan, args: TrainingArguments) -> PreTrainedModel:
    from transformers import set_seed

    from callsheet.models import load_model

    set_seed(args.seed)
    return load_model(plan.model)


def _built(plan: Plan, trainer_class: Any, model: Any, given: dict[str, Any]) -> Trainer:
    try:
        return trainer_class(model=model, **given)
    except (ValueError, NotImplementedError, ImportError) as error:
        raise CallsheetError(f"{plan.trainer.trainer_class} refuses to be built: {error}") from error


def _reference(plan: Plan, args: TrainingArguments, trainer_class: type) -> dict[str, Any]:
    """The model to compare with, loaded like the trained one: TRL would leave out revision, kwargs and init."""
    from callsheet.models import load_model

    if not accepts(trainer_class, "ref_model"):
        return {}
    if plan.trainer.ref_model:
        other = replace(plan.model, path=plan.trainer.ref_model, init="pretrained", revision=None)
        return {"ref_model": load_model(other)}
    if plan.peft.type or getattr(args, "precompute_ref_log_probs", False):
        return {}  # the model without its adapter, or before its first step, is the reference
    return {"ref_model": _seeded(plan, args)}


def _loads_its_reference(plan: Plan, args: TrainingArguments, trainer_class: type) -> bool:
    """Whether TRL will look for the weights of a model that was drawn at random."""
    drawn = plan.model.init == "config" and not plan.peft.type
    return drawn and bool(getattr(args, "beta", 0)) and accepts(trainer_class, "reward_funcs")


@contextmanager
def _findable(model: PreTrainedModel) -> Iterator[None]:
    """Keep the weights of `model` in a folder for as long as the block runs, for TRL to load its reference from."""
    from safetensors.torch import save_model

    with TemporaryDirectory() as folder:
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(folder)
        # Each rank for itself: `model.save_pretrained` would write on rank 0 alone.
        save_model(model, f"{folder}/model.safetensors", metadata={"format": "pt"})
        before, model.config._name_or_path = model.config._name_or_path, folder
        try:
            yield
        finally:
            model.config._name_or_path = before


def _reward(reward: Any) -> Any:
    """A reward function as it is, or the reward model at a path."""
    from transformers import AutoModelForSequenceClassification

    if not isinstance(reward, str):
        return reward
    try:
        return AutoModelForSequenceClassification.from_pretrained(reward, num_labels=1)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise CallsheetError(f"trainer.rewards: the reward model '{reward}' could not be loaded: {first}") from error
