"""PEFT: an adapter in place of the whole model, by the name of its configuration class."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from callsheet.config.schema import ModelSettings, PeftSettings
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.introspect.importing import import_object
from callsheet.privates.deepspeed import whole_size
from callsheet.trainer import args as trainer_args
from callsheet.trainer.models import outline

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

TASKS = {
    "ForCausalLM": "CAUSAL_LM",
    "ForSequenceClassification": "SEQ_CLS",
    "ForTokenClassification": "TOKEN_CLS",
    "ForQuestionAnswering": "QUESTION_ANS",
    "ForSeq2SeqLM": "SEQ_2_SEQ_LM",
}
# Words of PEFT, which stand for modules rather than name them.
WORDS = ("all-linear",)
SHOWN = 12


def problems(peft: PeftSettings) -> list[str]:
    """Say what is wrong with `peft`, without importing it."""
    if not peft.type:
        return ["peft.args is set, but peft.type is not; choose peft=lora, or a class."] if peft.args else []
    try:
        return trainer_args.problems(peft.args, path_of(peft), "peft.args", owned={})
    except CallsheetError as error:
        return [f"peft.type={peft.type}: {error}"]


def make_config(peft: PeftSettings, model: ModelSettings) -> PeftConfig | None:
    """The configuration of the adapter; raises `CallsheetError` for what PEFT or the model does not have."""
    if not peft.type:
        return None
    from peft import PeftConfig

    config_class = import_object(path_of(peft), "peft.type")
    if not (isinstance(config_class, type) and issubclass(config_class, PeftConfig)):
        raise CallsheetError(f"peft.type={peft.type} is not a peft.PeftConfig.")
    task = next((task for ending, task in TASKS.items() if model.auto_class.endswith(ending)), None)
    args = {"task_type": task, **trainer_args.coerce(peft.args, path_of(peft))}
    try:
        config: PeftConfig = config_class(**args)
    except (TypeError, ValueError, ImportError) as error:
        raise CallsheetError(f"{path_of(peft)} refuses peft.args: {error}") from error
    _check_targets(config, model)
    return config


def with_adapter(model: PreTrainedModel, config: PeftConfig, args: Any) -> Any:
    """`model` inside a PEFT model, as TRL does it, for a trainer that does not see to it."""
    from peft import get_peft_model

    zero = getattr(args, "deepspeed_plugin", None)
    # ZeRO-3 gathers all parameters in the type of the first: an adapter in float32 would not fit a bfloat16 model.
    adapted = get_peft_model(model, config, autocast_adapter_dtype=not (zero is not None and zero.zero_stage == 3))
    # Until transformers 6 the old name holds what the new one, of 5.23, does.
    if args.gradient_checkpointing:
        model.enable_input_require_grads()  # else no gradient passes the frozen embeddings
    return adapted


def parameter_counts(model: Any) -> dict[str, int]:
    """How many parameters of `model` train, and how many it has: of the whole model, also where it is partitioned."""
    counts = [(whole_size(parameter), parameter.requires_grad) for parameter in model.parameters()]
    return {"trainable": sum(size for size, trains in counts if trains), "total": sum(size for size, _ in counts)}


def trainable(model: Any) -> str:
    """How much of `model` trains, in words."""
    some, all_ = parameter_counts(model).values()
    return f"{some:,} of {all_:,} parameters train ({100 * some / max(all_, 1):.2f} %)"


def path_of(peft: PeftSettings) -> str:
    return peft.type if peft.type and "." in peft.type else f"peft.{peft.type}"


def _check_targets(config: Any, model: ModelSettings) -> None:
    """Refuse names of modules that the model does not have: PEFT lets them pass as long as one of several matches."""
    targets = {name: getattr(config, name, None) for name in ("target_modules", "modules_to_save")}
    if not any(targets.values()):
        return
    modules = [name for name, _ in outline(model).named_modules() if name]
    for name, wanted in targets.items():
        if isinstance(wanted, str) and wanted not in WORDS:
            _check_pattern(name, wanted, modules)
        elif wanted and not isinstance(wanted, str):
            _check_names(name, wanted, modules)


def _check_pattern(where: str, pattern: str, modules: list[str]) -> None:
    try:
        matches = any(re.fullmatch(pattern, module) for module in modules)
    except re.error as error:
        raise CallsheetError(f"peft.args.{where}={pattern} is no regular expression: {error}.") from error
    if not matches:
        raise CallsheetError(
            f"peft.args.{where}={pattern} matches no module of the model; as text, it is a regular expression for the "
            f"whole name, such as {modules[-1]}.{_offer(pattern, modules)}"
        )


def _check_names(where: str, wanted: Iterable[str], modules: list[str]) -> None:
    for target in wanted:
        if not any(module == target or module.endswith(f".{target}") for module in modules):
            offer = _offer(target, modules)
            raise CallsheetError(f"peft.args.{where}: no module of the model is called {target!r}.{offer}")


def _offer(target: str, modules: list[str]) -> str:
    names = sorted({name for module in modules if not (name := module.rpartition(".")[2]).isdigit()})
    shown = names[:SHOWN] + ["…"] * (len(names) > SHOWN)
    return f"{did_you_mean(target.rpartition('.')[2], names)} It has: {', '.join(shown)}."
