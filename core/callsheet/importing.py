"""What a dotted path names, imported."""

from __future__ import annotations

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
