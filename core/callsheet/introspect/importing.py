"""Imports the object at a dotted path, and inspects what an imported class takes."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from traceback import extract_tb
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
        if module not in sys.modules:  # the module itself raised it
            raise CallsheetError(f"{where}={path} could not be imported: {error}{raised_in(error)}") from error
        known = [item for item in dir(import_module(module)) if not item.startswith("_")]
        raise CallsheetError(f"{where}={path}: {module} has no {name!r}.{did_you_mean(name, known)}") from error
    except Exception as error:
        said = f"{where}={path} could not be imported: {type(error).__name__}: {error}{raised_in(error)}"
        raise CallsheetError(said) from error


def raised_in(error: BaseException) -> str:
    """The file and line in which `error` was raised, in parentheses, or a full stop if nobody knows."""
    frames = extract_tb(error.__traceback__)
    return f" ({frames[-1].filename}, line {frames[-1].lineno})." if frames else "."


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
