"""A library, the names in it that it does not promise, and what to say when a release has moved one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PYTHON = "Python"


@dataclass(frozen=True)
class Private:
    """A name that a library does not promise.

    `name` is Class.name where a class defines it, and module.name in C. Else anything in `file` may define it: within
    functions, DeepSpeed hangs attributes on parameters. `takes` are the first arguments of what Callsheet calls.
    """

    name: str
    file: str
    line: int
    why: str
    takes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Library:
    """The private names of one distribution, as they were in version `read_in`, whose source is at `source`."""

    distribution: str
    read_in: str
    source: str
    names: tuple[Private, ...]

    def problems(self) -> list[str]:
        """A sentence for each name that the installed version has no more; none where it is not installed."""
        from platform import python_version  # which listing plugins does without

        try:
            installed = python_version() if self.distribution == PYTHON else version(self.distribution)
        except PackageNotFoundError:
            return []
        return [
            f"{self.distribution} {installed} {problem}. Callsheet {private.why} with it: see {self.link(private)}, "
            f"where it was in {self.read_in}, and mend callsheet.privates."
            for private in self.names
            if (problem := _problem(private))
        ]

    def link(self, private: Private) -> str:
        return f"{self.source}/{private.file}#L{private.line}"


def _problem(private: Private) -> str:
    if private.file.endswith(".c"):
        module, _, name = private.name.rpartition(".")
        return "" if hasattr(import_module(module), name) else f"has no {private.name} any more"
    file = _file(private.file)
    if file is None:
        return f"has no {private.file} any more, where {private.name} was"
    found = list(_bindings(_tree(file), *private.name.rpartition(".")[::2]))
    if not found:
        return f"has no {private.name} in {private.file} any more"
    defined = next((node for node in found if isinstance(node, ast.FunctionDef)), None)
    if defined and private.takes != (taken := _arguments(defined))[: len(private.takes)]:
        return f"has other arguments for {private.name}: {', '.join(taken)} in place of {', '.join(private.takes)}"
    return ""


def _file(path: str) -> Path | None:
    """A file of an installed package, or a module that is a file, without importing it."""
    first, is_in_a_package, _ = path.partition("/")
    spec = find_spec(first.removesuffix(".py"))
    folder = Path(str(spec.origin)).parent if spec and spec.origin else None
    if folder and is_in_a_package:
        folder = folder.parent
    return folder / path if folder and (folder / path).is_file() else None


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _bindings(tree: ast.AST, owner: str, name: str) -> Iterator[ast.AST]:
    """What gives `name` its meaning: a definition, or an assignment; in the class `owner`, if there is one."""
    if owner:
        classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == owner)
        for node in classes:
            yield from _bindings(node, "", name)
        return
    yield from (node for node in ast.walk(tree) if _name_bound_by(node) == name)


def _name_bound_by(node: ast.AST) -> str | None:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.attr
    if isinstance(node, ast.alias):
        return node.asname or node.name
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)  # globals()["name"] = …
    return None


def _arguments(function: ast.FunctionDef) -> tuple[str, ...]:
    return tuple(argument.arg for argument in function.args.args if argument.arg != "self")
