"""Imports the object at a dotted path, and inspects what an imported class takes."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean


def import_object(path: str, where: str) -> Any:
    """Import the object at the dotted `path`; `where` is the setting that named it, for error messages."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise CallsheetError(f"{where}={path} could not be imported: {error}.") from error
    except AttributeError as error:
        known = [item for item in dir(import_module(module)) if not item.startswith("_")]
        raise CallsheetError(f"{where}={path}: {module} has no {name!r}.{did_you_mean(name, known)}") from error


def accepts(trainer_class: type, name: str) -> bool:
    """Whether the constructor of `trainer_class` takes `name`, directly or by `**kwargs` that reach a base class."""
    for above in trainer_class.__mro__:
        if "__init__" in vars(above):
            parameters = inspect.signature(above.__init__).parameters  # type: ignore[misc]  # the class's own, on purpose
            if name in parameters:
                return True
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
                return False
    return False
