"""The native callbacks that a configuration names by `callbacks.<name>.path`, made with their arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from callsheet.config.plan import Plan
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.introspect.importing import import_object
from callsheet.session.session import Session

if TYPE_CHECKING:
    from transformers import TrainerCallback


def named_callbacks(plan: Plan, session: Session) -> list[TrainerCallback]:
    """Make the callbacks of `callbacks.<name>.path`: guarded and timed like plugins, but their errors always raise."""
    made = []
    for name, spec in plan.callbacks.items():
        arguments = {key: value for key, value in spec.items() if key != "path"}
        callback = _callback(name, str(spec["path"]), arguments)
        guard = session.lineup.callback_guard(f"callbacks.{name}", str(spec["path"]))
        made.append(session.lineup.guard_callback(callback, guard))
    return made


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
