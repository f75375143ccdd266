"""Finds the class or function at a dotted path, and what it takes, without importing it."""

from __future__ import annotations

import ast
from pathlib import Path

from callsheet.errors import CallsheetError, did_you_mean
from callsheet.introspect.compiled import look
from callsheet.introspect.families import Family, family
from callsheet.introspect.meanings import Defined, is_constant, meanings
from callsheet.introspect.modules import Module, find_module, module_spec
from callsheet.introspect.signatures import UNKNOWN, Signature, signature_of_class, signature_of_function

Functions = (ast.FunctionDef, ast.AsyncFunctionDef)


def class_at(path: str, where: str) -> Family | None:
    """The family of the class at `path`, or None if only a run would tell; `where` is the setting that names it.

    Raises `CallsheetError` if there is no such class, or if its import would fail.
    """
    found = _definition(path, where)
    if found is None:
        return None
    module, node = found
    if isinstance(node, ast.ClassDef):
        return family(module, node)
    if isinstance(node, Functions) or is_constant(node):
        raise CallsheetError(f"{where}={path} is no class: {_is_what(module, node)}")
    return None


def signature_at(path: str, where: str) -> Signature:
    """What the class or function at `path` takes. Raises `CallsheetError` if there is none."""
    found = _definition(path, where)
    if found is None:
        return UNKNOWN
    module, node = found
    if isinstance(node, ast.ClassDef):
        return signature_of_class(family(module, node))
    if isinstance(node, Functions):
        return signature_of_function(module, node)
    if is_constant(node):
        raise CallsheetError(f"{where}={path} is no function and no class: {_is_what(module, node)}")
    return UNKNOWN


def _definition(path: str, where: str) -> Defined | None:
    """The statement that defines what is at `path`; None if only a run would tell."""
    module_name, _, name = path.rpartition(".")
    if not module_name:
        raise CallsheetError(f"{where}={path}: name its module too, as in pkg.module.{path}.")
    try:
        module = find_module(module_name)
        if module is None:
            raise CallsheetError(_no_module(module_name))
        found = meanings(module, name)
        for one in (module.name, *(meaning[0].name for meaning in found if meaning)):
            look(one)
    except CallsheetError as error:
        raise CallsheetError(f"{where}={path}: {_small(str(error))}") from error
    if not found:
        raise CallsheetError(f"{where}={path}{_no_name(module, name)}")
    return found[0] if len(found) == 1 else None  # of two definitions, a run decides which one counts


def _small(text: str) -> str:
    return f"its module needs{text.removeprefix('Needs')}" if text.startswith("Needs ") else text


def _no_module(name: str) -> str:
    package = name.partition(".")[0]
    if module_spec(package):
        return f"package {package!r} has no module {name!r}."
    is_here = Path(package).is_dir() or Path(f"{package}.py").is_file()
    here = " It lies in this folder, which Python does not search: set PYTHONPATH=." if is_here else ""
    return f"there is no package {package!r}.{here}"


def _no_name(module: Module, name: str) -> str:
    if find_module(f"{module.name}.{name}"):
        return " is a module; name a class in it."
    return f": {module.name} has no {name!r}.{did_you_mean(name, [*module.definitions, *module.origins])}"


def _is_what(module: Module, node: ast.stmt) -> str:
    if isinstance(node, Functions):
        return f"{module.name}, line {node.lineno}, defines a function."
    assert isinstance(node, (ast.Assign, ast.AnnAssign))
    written = ast.unparse(node.value)[:40] if node.value else "nothing"
    return f"{module.name}, line {node.lineno}, sets it to {written}."
