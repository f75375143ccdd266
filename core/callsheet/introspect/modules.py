"""The source of installed modules: what they define and import, found without importing them."""

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
    """The source of one module: what it defines, and where its other names come from."""

    name: str
    package: str
    source: bytes
    body: list[ast.stmt]

    @cached_property
    def lines(self) -> list[bytes]:
        return self.source.splitlines(keepends=True)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        # The first of several wins: what follows in an `else` or `except` is the substitute.
        return {node.name: node for node in [*statements(self.body)][::-1] if isinstance(node, ast.ClassDef)}

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Name in this module → the statement that defines it: a function, a class or an assignment."""
        return {name: node for node in [*statements(self.body)][::-1] for name in _defined(node)}

    @cached_property
    def origins(self) -> dict[str, tuple[str, str]]:
        """Name in this module → (module, name there); an empty name there stands for the module itself."""
        found: dict[str, tuple[str, str]] = {}
        for node in statements(self.body):
            found = _imported(node, self.package) | _lazily_imported(node, self.name) | found
        return found

    @cached_property
    def stars(self) -> list[str]:
        imports = (node for node in statements(self.body) if isinstance(node, ast.ImportFrom))
        return [_absolute(node, self.package) for node in imports if node.names[0].name == "*"]

    def text(self, node: ast.expr) -> str:
        """The source of `node`; `ast.get_source_segment` splits the whole file for each."""
        lines = self.lines[node.lineno - 1 : node.end_lineno]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"".join(lines).decode()


def find_module(name: str) -> Module | None:
    """The source of module `name`, or None when there is no such module; compiled ones come without a body."""
    spec = module_spec(name)
    if spec is None:
        return None
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    if not (spec.origin or "").endswith(".py"):
        return Module(name, package, b"", [])
    return _parsed(name, package, str(spec.origin), Path(str(spec.origin)).stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _parsed(name: str, package: str, file: str, changed: int) -> Module:
    source = Path(file).read_bytes()
    try:
        return Module(name, package, source, ast.parse(source).body)
    except SyntaxError as error:
        raise CallsheetError(f"{file}, line {error.lineno}: {error.msg}.") from error


def module_spec(name: str) -> ModuleSpec | None:
    """Where module `name` lies; `importlib.util.find_spec` would import the packages above it."""
    parent = name.rpartition(".")[0]
    if parent:
        above = module_spec(parent)
        # transformers, once imported, leaves a Path in there, which PathFinder passes over in silence.
        folders = [str(folder) for folder in above.submodule_search_locations or []] if above else []
        return PathFinder.find_spec(name, folders)
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def literal(node: ast.expr | None) -> Any:
    """The value that `node` spells out, or None when it must be computed."""
    try:
        return ast.literal_eval(node) if node else None
    except ValueError:
        return None


def last_name(node: ast.expr) -> str:
    """The last part of a dotted name, called or subscripted or not."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements of a body, those under `if TYPE_CHECKING`, `try` and `with` included."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "handlers", "orelse", "finalbody"):
                yield from statements(getattr(node, part, []))
        elif isinstance(node, ast.ExceptHandler):
            yield from statements(node.body)


def entries(node: ast.expr | None) -> dict[Any, ast.expr]:
    """The entries of a dictionary that is written out, by their keys."""
    if not isinstance(node, ast.Dict):
        return {}
    return {literal(key): value for key, value in zip(node.keys, node.values, strict=True)}


def _defined(node: ast.stmt) -> list[str]:
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
    """The names in `_import_structure = {"submodule": ["Name", …]}`, which lazy modules of Hugging Face are made of."""
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
