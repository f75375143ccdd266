"""Finds every statement that a name may come from: a module may define a name in several places, as under `try`."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from callsheet.introspect.modules import Module, defined_by, find_module, literal, module_spec, statements

Defined = tuple[Module, ast.stmt]
Visited = frozenset[tuple[str, str]]


def meanings(module: Module | None, name: str, seen: Visited = frozenset()) -> list[Defined | None]:
    """List the statements that define `name`, through imports, aliases and stars; None if only a run would tell.

    The list is empty if there is no such name. A constant is left out if there is another meaning: it is a substitute.
    """
    if module is None or not module.source:
        return [None]
    if (module.name, name) in seen:
        return []
    seen |= {(module.name, name)}
    found = [meaning for node in statements(module.body) for meaning in _given_by(module, node, name, seen)]
    if not found:
        stars = (star for star in module.stars if _mentions(star, name))
        found = [meaning for star in stars for meaning in meanings(find_module(star), name, seen)]
    if not found and "__getattr__" in module.definitions:
        found = [None]
    return _without_substitutes(_once(found))


def meanings_of(module: Module, node: ast.expr, seen: Visited = frozenset()) -> list[Defined | None]:
    """The same for what `Name`, `package.Name` or `Name[...]` means in `module`."""
    if isinstance(node, ast.Subscript):
        return meanings_of(module, node.value, seen)
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return [None]
    root, *rest = ast.unparse(node).split(".")
    if not rest:
        return meanings(module, root, seen) or ([None] if hasattr(builtins, root) else [])
    if root not in module.origins:
        return [None]
    inside = ".".join(filter(None, (*module.origins[root], *rest[:-1])))
    return meanings(find_module(inside), rest[-1], seen)


def dotted(module: Module, node: ast.expr) -> str:
    """The full name of `Name` or `package.Name` in `module`, as in "typing.Optional"; a builtin is its bare name."""
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return ""
    root, *rest = ast.unparse(node).split(".")
    if root in module.definitions:
        return f"{module.name}.{root}"
    return ".".join(filter(None, (*module.origins.get(root, (root,)), *rest)))


def _given_by(module: Module, node: ast.stmt, name: str, seen: Visited) -> Iterator[Defined | None]:
    """What one statement makes `name` mean."""
    if name in defined_by(node):
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        is_alias = isinstance(value, (ast.Name, ast.Attribute))
        yield from meanings_of(module, value, seen) if value and is_alias else [(module, node)]
    elif name in (imported := module.imported_by(node)):
        origin, name_there = imported[name]
        yield from meanings(find_module(origin), name_there, seen) if name_there else [None]


def _mentions(module: str, name: str) -> bool:
    """Whether the source of a module, or of what is in its folder, has `name`: `transformers.models` is 2,000 files."""
    spec = module_spec(module)
    files: Iterator[Path] = iter([Path(str(spec.origin))] if spec and spec.origin else [])
    for folder in (spec and spec.submodule_search_locations) or ():
        files = chain(files, Path(folder).rglob("*.py"))
    return any(file.suffix == ".py" and name.encode() in file.read_bytes() for file in files)


def _once(found: list[Defined | None]) -> list[Defined | None]:
    return list({meaning and (meaning[0].name, meaning[1].lineno): meaning for meaning in found}.values())


def _without_substitutes(found: list[Defined | None]) -> list[Defined | None]:
    real = [meaning for meaning in found if not (meaning and is_constant(meaning[1]))]
    return real or found


def is_constant(node: ast.stmt) -> bool:
    """Whether a statement sets its name to a literal."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return False
    return literal(node.value) is not None or isinstance(node.value, (ast.JoinedStr, ast.Constant))
