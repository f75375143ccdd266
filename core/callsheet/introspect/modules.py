"""Reads what installed modules define and import from their source, without importing them."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.privates.transformers import IMPORT_STRUCTURE


@dataclass(frozen=True)
class Module:
    """The source of one module: its definitions, and the origins of its other names."""

    name: str
    package: str
    source: bytes
    body: list[ast.stmt]

    @cached_property
    def arguments(self) -> dict[ast.ClassDef, tuple[Any, ...]]:
        """What `introspect.arguments` has read of these classes."""
        return {}

    @cached_property
    def lines(self) -> list[bytes]:
        return self.source.splitlines(keepends=True)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        # The first definition wins: a later one, in `else` or `except`, is a substitute.
        return {node.name: node for node in [*statements(self.body)][::-1] if isinstance(node, ast.ClassDef)}

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Map each name to the statement that defines it: a function, a class or an assignment."""
        return {name: node for node in [*statements(self.body)][::-1] for name in defined_by(node)}

    @cached_property
    def origins(self) -> dict[str, tuple[str, str]]:
        """Map each imported name to its module and its name there; an empty name means the module itself."""
        found: dict[str, tuple[str, str]] = {}
        for node in statements(self.body):
            found = self.imported_by(node) | found
        return found

    def imported_by(self, node: ast.stmt) -> dict[str, tuple[str, str]]:
        """The names that one statement imports, as in `origins`."""
        return _imported(node, self.package) | _lazily_imported(node, self.name)

    @cached_property
    def stars(self) -> list[str]:
        imports = (node for node in statements(self.body) if isinstance(node, ast.ImportFrom))
        return [_absolute(node, self.package) for node in imports if node.names[0].name == "*"]

    def text(self, node: ast.expr) -> str:
        """The source of `node`. `ast.get_source_segment` is slower: it splits the whole file at each call."""
        lines = self.lines[node.lineno - 1 : node.end_lineno]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"".join(lines).decode()


def find_module(name: str) -> Module | None:
    """The source of module `name`, or None if there is no such module; a compiled module has an empty body."""
    spec = module_spec(name)
    if spec is None:
        return None
    if spec.origin is None:
        _require_open(spec)
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    if not (spec.origin or "").endswith(".py"):
        return Module(name, package, b"", [])
    return _parsed(name, package, str(spec.origin), Path(str(spec.origin)).stat().st_mtime_ns)


def _require_open(spec: ModuleSpec) -> None:
    """Python takes a folder that it may not look into for a package without an `__init__.py`."""
    from callsheet.disk import os_errors

    for folder in spec.submodule_search_locations or ():
        if closed := os_errors.unreadable(Path(str(folder))):
            raise os_errors.Refused(closed)


@lru_cache(maxsize=256)
def _parsed(name: str, package: str, file: str, changed: int) -> Module:
    source = Path(file).read_bytes()
    try:
        return Module(name, package, source, ast.parse(source).body)
    except SyntaxError as error:
        raise CallsheetError(f"{file}, line {error.lineno}: {error.msg}.") from error


def module_spec(name: str) -> ModuleSpec | None:
    """The spec of module `name`; `importlib.util.find_spec` would import its parent packages."""
    parent = name.rpartition(".")[0]
    if parent:
        above = module_spec(parent)
        # An imported transformers has a Path in this list, and PathFinder ignores anything but str.
        folders = [str(folder) for folder in above.submodule_search_locations or []] if above else []
        return PathFinder.find_spec(name, folders)
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def literal(node: ast.expr | None) -> Any:
    """The value of `node` if it is a literal, or None."""
    try:
        return ast.literal_eval(node) if node else None
    except ValueError:
        return None


def last_name(node: ast.expr) -> str:
    """The last part of a dotted name; calls and subscripts are stripped."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements of a body, including those under `if`, `try` and `with`."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "handlers", "orelse", "finalbody"):
                yield from statements(getattr(node, part, []))
        elif isinstance(node, ast.ExceptHandler):
            yield from statements(node.body)


def entries(node: ast.expr | None) -> dict[Any, ast.expr]:
    """The entries of a dictionary literal, by key."""
    if not isinstance(node, ast.Dict):
        return {}
    return {literal(key): value for key, value in zip(node.keys, node.values, strict=True)}


def defined_by(node: ast.stmt) -> list[str]:
    """The names that one statement defines, other than by an import."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _imported(node: ast.stmt, package: str) -> dict[str, tuple[str, str]]:
    if isinstance(node, ast.ImportFrom):
        origin = _absolute(node, package)
        return {alias.asname or alias.name: (origin, alias.name) for alias in node.names if alias.name != "*"}
    if isinstance(node, ast.Import):
        tops = {alias.name.partition(".")[0]: alias.name.partition(".")[0] for alias in node.names if not alias.asname}
        renamed = {alias.asname: alias.name for alias in node.names if alias.asname}
        return {name: (module, "") for name, module in {**tops, **renamed}.items()}
    return {}


def _lazily_imported(node: ast.stmt, module: str) -> dict[str, tuple[str, str]]:
    """The names in `_import_structure = {"submodule": ["Name", …]}`, from which Hugging Face makes lazy modules."""
    if not (isinstance(node, ast.Assign) and last_name(node.targets[0]) == IMPORT_STRUCTURE):
        return {}
    listed = {key: literal(names) or [] for key, names in entries(node.value).items()}
    return {name: (f"{module}.{key}", name) for key, names in listed.items() for name in names}


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that `from node.module import …` names inside `package`."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    return ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])
