"""The model that DPO, KTO, GRPO and RLOO compare with, loaded like the one that trains.

Left alone, TRL loads it from the same path without the revision, the arguments and the random weights of the first:
`create_model_from_path(get_config_model_id(self.model.config))` in grpo_trainer.py and rloo_trainer.py of TRL 1.16.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from callsheet.config.plan import Plan
from callsheet.introspect.importing import accepts
from callsheet.trainer.models import load_model, seeded_model
from callsheet.trainer.random_init import saved_temporarily
from callsheet.trainer.saved_adapters import base_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, TrainingArguments


def given(plan: Plan, args: TrainingArguments, trainer_class: type) -> dict[str, Any]:
    """The reference as an argument of `trainer_class`, where it takes one."""
    if not accepts(trainer_class, "ref_model"):
        return {}
    if plan.trainer.ref_model:
        other = replace(plan.model, path=plan.trainer.ref_model, init="pretrained", revision=None)
        return {"ref_model": load_model(other, tokenizer_of=plan.model)}
    if plan.peft.type or base_of(plan.model) or getattr(args, "precompute_ref_log_probs", False):
        return {}  # the model without its adapter, that adapter as it was, or the model before its first step
    return {"ref_model": seeded_model(plan.model, args.seed)}


@contextmanager
def loadable_reference(model: PreTrainedModel, plan: Plan, args: Any, trainer_class: type) -> Iterator[None]:
    """Let `trainer_class` find the right weights where it loads the reference itself, as GRPO and RLOO do."""
    adapted = plan.peft.type or base_of(plan.model)
    loads_it = accepts(trainer_class, "reward_funcs") and getattr(args, "beta", False) and not adapted
    is_drawn = plan.model.init == "config"
    has_kwargs = plan.model.revision or plan.model.kwargs
    if loads_it and not is_drawn and getattr(args, "model_init_kwargs", None) is None and has_kwargs:
        args.model_init_kwargs = {"revision": plan.model.revision, **plan.model.kwargs}
    with saved_temporarily(model) if loads_it and (is_drawn or plan.model.resize_embeddings) else nullcontext():
        yield
