"""Imports the classes of named callbacks, and makes those that want nothing of the trainer."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.introspect.importing import import_object, raised_in
from callsheet.introspect.signatures import UNKNOWN, Parameter, Signature, signature_of_class
from callsheet.named_callbacks.building import built
from callsheet.named_callbacks.checking import argument_problems
from callsheet.named_callbacks.naming import GIVEN, PATH, Entry, chosen, entry, wanted
from callsheet.named_callbacks.sources import class_at

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback

    from callsheet.plugins.guards import Guard

VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD


@dataclass
class Named:
    """A named callback: its class with what a configuration gives it; `callback` is None until it is made.

    `wants` are the parameters that get a part of the trainer; True for those without a default.
    """

    entry: Entry
    made_by: type[TrainerCallback]
    values: Mapping[str, Any]
    wants: Mapping[str, bool]
    callback: TrainerCallback | None = field(default=None, init=False)
    guard: Guard | None = field(default=None, init=False)

    def make(self, trainer: Trainer | None = None) -> TrainerCallback:
        """Make the callback; raises `CallsheetError` if its class refuses what it is given."""
        given = {name: self._part(trainer, name) for name in self.wants}
        positional, by_name = _by_position(self.made_by, {**self.values, **given})
        try:
            self.callback = self.made_by(*positional, **by_name)
        except Exception as error:  # it may reach for what this trainer does not have
            kind = "" if isinstance(error, (TypeError, ValueError)) else f"{type(error).__name__}: "
            said = f"{self.entry.where}: {self.entry.path} refuses its arguments: {kind}{error}{raised_in(error)}"
            raise CallsheetError(said) from error
        return self.callback

    def _part(self, trainer: Trainer | None, name: str) -> Any:
        attribute = GIVEN[name]
        part = trainer if attribute is None else getattr(trainer, attribute, None)
        if part is None and self.wants[name]:
            said = f"{self.entry.where}: {self.entry.path} wants {name}, and the trainer has none."
            raise CallsheetError(f"{said} Leave the callback out, or set {self.entry.where}.{name}=null.")
        return part


def load(callbacks: Mapping[str, Any]) -> list[Named]:
    """Import the classes and make the values that they are given, in the order of the configuration.

    Raises `CallsheetError` for what the source of a class did not tell.
    """
    return [_loaded(entry(name, written)) for name, written in chosen(callbacks).items()]


def make_early(named: Sequence[Named]) -> None:
    """Make the callbacks that want nothing of the trainer, before anything is written."""
    for one in named:
        if not one.wants:
            one.make()


def _loaded(entry: Entry) -> Named:
    from transformers import TrainerCallback

    where = f"{entry.where}.{PATH}"
    made_by = import_object(entry.path, where)
    if not (isinstance(made_by, type) and issubclass(made_by, TrainerCallback)):
        raise CallsheetError(f"{where}={entry.path} is not a transformers.TrainerCallback.")
    known = class_at(entry.path, where)
    written = signature_of_class(known) if known else UNKNOWN
    signature = written if written.certain else _real(made_by, written)
    if wrong := [*argument_problems(entry, signature)]:
        raise CallsheetError("\n".join(wrong))
    values = built(entry.where, signature, entry.arguments)
    wants = {name: signature.parameters[name].required for name in wanted(signature, entry.arguments)}
    return Named(entry, made_by, values, wants)


def _real(made_by: type, written: Signature) -> Signature:
    """What an imported class takes, with the annotations of its source as far as they are known.

    A decorated constructor may take more than the one inside it, so the latter is not looked at.
    """
    try:
        parameters = inspect.signature(made_by, follow_wrapped=False).parameters.values()
    except (TypeError, ValueError):  # made in C
        return UNKNOWN
    named = [parameter for parameter in parameters if parameter.kind not in (parameter.VAR_POSITIONAL, VAR_KEYWORD)]
    anything = any(parameter.kind is VAR_KEYWORD for parameter in parameters)
    return Signature({one.name: _real_parameter(one, written) for one in named}, anything)


def _real_parameter(parameter: inspect.Parameter, written: Signature) -> Parameter:
    required = parameter.default is parameter.empty
    default = None if required else ast.Constant(parameter.default)
    known = written.parameters.get(parameter.name, Parameter(parameter.name, required))
    return replace(known, required=required, default=default)


def _by_position(made_by: type, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """`values` as arguments of `made_by`: those that it takes by position only, and the others by name."""
    by_name, positional = dict(values), []
    last = max((place for place, one in enumerate(_positional(made_by)) if one.name in values), default=-1)
    for parameter in _positional(made_by)[: last + 1]:
        positional.append(by_name.pop(parameter.name, parameter.default))
    return positional, by_name


def _positional(made_by: type) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(made_by).parameters.values()
    except (TypeError, ValueError):  # made in C
        return []
    return [parameter for parameter in parameters if parameter.kind is parameter.POSITIONAL_ONLY]
