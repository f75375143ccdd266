"""Where a class declares a field, read from its source."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path


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
