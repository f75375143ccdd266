"""What a dotted path names, imported, and what a class that was imported takes."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean


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
