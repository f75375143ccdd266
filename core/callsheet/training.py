"""The trainer of a run: its arguments, its data, and the native callbacks that a configuration names."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from callsheet import engines, trainer_args
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.plan import Plan
from callsheet.session import Session

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback, TrainingArguments


def make_args(plan: Plan) -> TrainingArguments:
    """The real configuration of the trainer; what it refuses becomes a `CallsheetError`."""
    config_class = import_object(plan.trainer.config_class, "trainer.config_class")
    args = {
        **trainer_args.coerce(plan.trainer.args, plan.trainer.config_class),
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
    plan: Plan, args: TrainingArguments, train: Any, evaluation: Any, callbacks: Sequence[TrainerCallback]
) -> Trainer:
    """Build the trainer with its model, seeded as TRL does."""
    import torch
    from transformers import set_seed

    from callsheet.models import load_model, load_tokenizer

    trainer_class = import_object(plan.trainer.trainer_class, "trainer.trainer_class")
    if plan.launch.threads:
        torch.set_num_threads(plan.launch.threads)
    set_seed(args.seed)
    tokenizer = load_tokenizer(plan.model)
    return trainer_class(
        model=load_model(plan.model),
        args=args,
        train_dataset=train,
        eval_dataset=evaluation,
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )


def named_callbacks(plan: Plan, session: Session) -> list[TrainerCallback]:
    """The callbacks of `callbacks.<name>.path`, guarded and timed like plugins, but never swallowed."""
    made = []
    for name, spec in plan.callbacks.items():
        arguments = {key: value for key, value in spec.items() if key != "path"}
        callback = _callback(name, str(spec["path"]), arguments)
        guard = session.lineup.callback_guard(f"callbacks.{name}", str(spec["path"]))
        made.append(session.lineup.guard_callback(callback, guard))
    return made


def import_object(path: str, where: str) -> Any:
    """What the dotted `path` names; `where` is the setting it came from."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise CallsheetError(f"{where}={path} could not be imported: {error}.") from error
    except AttributeError as error:
        known = [item for item in dir(import_module(module)) if not item.startswith("_")]
        raise CallsheetError(f"{where}={path}: {module} has no {name!r}.{did_you_mean(name, known)}") from error


def _callback(name: str, path: str, arguments: dict[str, Any]) -> TrainerCallback:
    from transformers import TrainerCallback

    callback_class = import_object(path, f"callbacks.{name}.path")
    if not (isinstance(callback_class, type) and issubclass(callback_class, TrainerCallback)):
        raise CallsheetError(f"callbacks.{name}.path={path} is not a transformers.TrainerCallback.")
    known = inspect.signature(callback_class).parameters
    takes_anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    for argument in arguments:
        if argument not in known and not takes_anything:
            raise CallsheetError(
                f"callbacks.{name}: {path} takes no argument {argument!r}.{did_you_mean(argument, known)} "
                f"It takes: {', '.join(known) or 'none'}."
            )
    try:
        return callback_class(**arguments)
    except (TypeError, ValueError) as error:
        raise CallsheetError(f"callbacks.{name}: {path} refuses its arguments: {error}") from error
