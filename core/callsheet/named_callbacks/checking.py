"""Problems of the callbacks that a configuration names, found in their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from callsheet.config.plan import Plan
from callsheet.errors import CallsheetError
from callsheet.introspect.arguments import read_arguments
from callsheet.introspect.classes import find_class
from callsheet.introspect.families import Family, family
from callsheet.introspect.signatures import Signature, signature_of_class
from callsheet.named_callbacks import fitting
from callsheet.named_callbacks.naming import PATH, TARGET, Entry, chosen, entry, is_part, wanted
from callsheet.named_callbacks.sources import class_at
from callsheet.plugins.registry import installed

CALLBACK = "transformers.trainer_callback.TrainerCallback"
PLUGIN = "callsheet.hooks.Plugin"
# They raise if the trainer has no evaluation data, or several sets of it: trl/trainer/callbacks.py of TRL 1.9 to 1.16.
NEED_EVALUATION = ("trl.trainer.callbacks.LogCompletionsCallback", "trl.trainer.callbacks.WeaveCallback")


def problems(plan: Plan) -> list[str]:
    """List the problems of the callbacks of `plan`, without importing them."""
    found: list[str] = []
    for name, written in chosen(plan.callbacks).items():
        try:
            found += _problems(entry(name, written), plan)
        except CallsheetError as error:
            found.append(str(error))
    return found


def _problems(entry: Entry, plan: Plan) -> Iterator[str]:
    known = class_at(entry.path, f"{entry.where}.{PATH}")
    if known is None:
        return
    require_callback(entry, known)
    signature = signature_of_class(known)
    yield from argument_problems(entry, signature)
    yield from _trainer_problems(entry, known, signature, plan)


def require_callback(entry: Entry, known: Family) -> None:
    """Raise `CallsheetError` if the class is surely no `TrainerCallback`."""
    if known.includes(CALLBACK):
        return
    if known.includes(PLUGIN):
        raise CallsheetError(f"{entry.where}.{PATH}={entry.path} is a plugin. {_how_to_select(known)}")
    if known.complete:
        raise CallsheetError(f"{entry.where}.{PATH}={entry.path} is not a transformers.TrainerCallback.")


def _how_to_select(plugin: Family) -> str:
    module, node = plugin.members[0]
    for name, found in installed().items():
        home, _, class_name = found.entry_point.value.partition(":")
        if class_name == node.name and f"{module.name}.".startswith(f"{home}."):
            return f"Select it: 'plugins=[{name}]'."
    return "Give its package an entry point in the group callsheet.plugins; then select it: 'plugins=[…]'."


def argument_problems(entry: Entry, signature: Signature) -> Iterator[str]:
    """Yield what is wrong with the arguments of a callback; those that get a part of the trainer are left out."""
    parts = [one.name for one in signature.parameters.values() if is_part(one) and one.annotation is not None]
    for name in parts:
        if entry.arguments.get(name) is not None:
            yield f"{entry.where}.{name}: Callsheet gives the callback this part of the trainer; leave it out."
    others = {name: value for name, value in entry.arguments.items() if name not in parts}
    yield from fitting.argument_problems(entry.where, entry.path, signature, others)
    missing = signature.missing([*entry.arguments, *wanted(signature, entry.arguments)])
    if missing == [PATH]:
        said = f"needs an argument called path. Name the class by {entry.where}.{TARGET}= to set it"
        yield f"{entry.where}: {entry.path} {said}."
    elif missing:
        written = " ".join(f"{entry.where}.{name}=…" for name in missing)
        yield f"{entry.where}: {entry.path} needs {' and '.join(missing)}: {written}"


def _trainer_problems(entry: Entry, known: Family, signature: Signature, plan: Plan) -> Iterator[str]:
    """Yield what the trainer of this run will not have."""
    if any(map(known.includes, NEED_EVALUATION)) and (wrong := _wrong_evaluation(plan)):
        yield f"{entry.where}: {entry.path} {wrong}"
    wants = "ref_model" in wanted(signature, entry.arguments) and signature.parameters["ref_model"].required
    if wants and (why := _why_no_reference(plan)):
        yield f"{entry.where}: {entry.path} wants the reference model, and {why}."


def _wrong_evaluation(plan: Plan) -> str:
    """Why a callback of TRL cannot generate from the evaluation data of `plan`, or an empty string."""
    dataset = plan.dataset
    if isinstance(dataset.eval, Mapping) and dataset.eval:
        return "generates from one evaluation set, and dataset.eval names sets. Write dataset.eval=PATH instead."
    if not (dataset.eval or dataset.eval_path or dataset.test_split_size):
        return "needs evaluation data. Set dataset.eval or dataset.test_split_size."
    return ""


def _why_no_reference(plan: Plan) -> str:
    """Why the trainer of `plan` has no reference model, or an empty string if it may have one."""
    trainer = family(*find_class(plan.trainer.trainer_class))
    stores = any(_stores_reference(node) for _, node in trainer.members)
    if trainer.complete and not stores:
        return f"trainer={plan.trainer.name} has none"
    if plan.peft.type:
        return f"with peft={plan.peft.type} it is the model without its adapter"
    beta = read_arguments(plan.trainer.config_class).get("beta")
    value = plan.trainer.args.get("beta", beta.default_value if beta else None)
    return "with trainer.args.beta=0 the trainer has none" if value == 0 else ""


def _stores_reference(node: ast.ClassDef) -> bool:
    parts = (part for part in ast.walk(node) if isinstance(part, ast.Attribute) and part.attr == "ref_model")
    return any(isinstance(part.ctx, ast.Store) for part in parts)
