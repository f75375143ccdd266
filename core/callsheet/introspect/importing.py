"""Imports the object at a dotted path, and inspects what an imported class takes and where it declares a field."""

from __future__ import annotations

import ast
import inspect
import logging
import sys
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean

logger = logging.getLogger("callsheet")

LIBRARIES = ("trl", "transformers", "peft", "torch", "accelerate", "datasets")  # which training is made of


def import_object(path: str, where: str) -> Any:
    """Import the object at the dotted `path`; `where` is the setting that named it, for error messages."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(_imported(module, f"{where}={path}"), name)
    except CallsheetError:
        raise
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


def _imported(module: str, who: str) -> Any:
    if module in sys.modules or module.partition(".")[0] in LIBRARIES:
        return import_module(module)
    from callsheet.foreign.running import foreign, named  # which a command that imports nobody's code does without

    with foreign(who) as changes:
        loaded = named(who, partial(import_module, module))
    for said in changes:
        logger.warning("%s", said)
    return loaded


def raised_in(error: BaseException) -> str:
    """The file and line in which `error` was raised, in parentheses, or a full stop if nobody knows."""
    from callsheet.foreign.running import line_of

    place = line_of(error)
    return f" ({place})." if place else "."


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


@dataclass(frozen=True)
class Declaration:
    """One field as it is written; `annotation` and `default` are source text, and empty where there is none."""

    file: Path
    line: int
    annotation: str = ""
    default: str = ""

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


def declaration(plugin: type, name: str) -> Declaration | None:
    """Where `plugin`, or the nearest class that it inherits from, declares `name`; None without source."""
    for owner in plugin.__mro__:
        if name in inspect.get_annotations(owner) or name in vars(owner):
            return _in_source(owner, name)
    return None


def _in_source(owner: type, name: str) -> Declaration | None:
    file = getattr(sys.modules.get(owner.__module__), "__file__", None)
    try:
        tree = ast.parse(Path(str(file)).read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == owner.__name__)
    found = [made for node in classes for item in node.body if (made := _declared(Path(str(file)), item, name))]
    return found[-1] if found else None


def _declared(file: Path, item: ast.stmt, name: str) -> Declaration | None:
    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id == name:
        kind = item.annotation.value if isinstance(item.annotation, ast.Constant) else ast.unparse(item.annotation)
        return Declaration(file, item.lineno, str(kind), ast.unparse(item.value) if item.value else "")
    if isinstance(item, ast.Assign) and [ast.unparse(target) for target in item.targets] == [name]:
        return Declaration(file, item.lineno, "", ast.unparse(item.value))
    return None
