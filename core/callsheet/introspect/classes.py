"""Finds classes and their bases in the source of installed modules."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from callsheet.errors import CallsheetError, did_you_mean
from callsheet.introspect.modules import Module, find_module, module_spec

Found = tuple[Module, ast.ClassDef]


def find_class(path: str) -> Found:
    """The class at the dotted `path`; raises `CallsheetError` if there is none."""
    module_name, _, name = path.rpartition(".")
    if not module_name:
        raise CallsheetError(f"'{path}' is not a class of a package; write both, as in 'trl.SFTConfig'.")
    module = find_module(module_name)
    if module is None:
        raise CallsheetError(_no_module(path, module_name))
    found = resolve(module, name)
    if found is None:
        names = [*module.classes, *module.origins]
        raise CallsheetError(f"There is no class '{path}'.{did_you_mean(name, names)}")
    return found


def _no_module(path: str, module_name: str) -> str:
    package = module_name.partition(".")[0]
    if module_spec(package) is None:
        return f"'{path}' needs the package {package}, which is not installed: pip install {package}."
    return f"There is no class '{path}': package {package} has no module '{module_name}'."


def resolve(module: Module | None, name: str, seen: frozenset[tuple[str, str]] = frozenset()) -> Found | None:
    """Follow the imports of `name` from module to module, to the class that it means."""
    if module is None or (module.name, name) in seen:
        return None
    if name in module.classes:
        return module, module.classes[name]
    seen |= {(module.name, name)}
    if name in module.origins:
        origin, name_there = module.origins[name]
        return resolve(find_module(origin), name_there, seen)
    return next((found for star in module.stars if (found := resolve(find_module(star), name, seen))), None)


def lineage(module: Module, node: ast.ClassDef) -> Iterator[Found | None]:
    """Yield a class after its bases, the order in which `dataclass` collects fields; None for a base without source."""
    for base in reversed(node.bases):
        if isinstance(base, ast.Subscript) or (isinstance(base, ast.Name) and hasattr(builtins, base.id)):
            continue
        found = _named(module, base)
        yield from lineage(*found) if found else [None]
    yield module, node


def constructor(path: str) -> ast.arguments | None:
    """The arguments of `__init__` of the class at `path`, its own or the nearest inherited one; None without source."""
    return _constructor(*find_class(path))


def _constructor(module: Module, node: ast.ClassDef) -> ast.arguments | None:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return item.args
    bases = (found for base in node.bases if (found := _named(module, base)))
    return next((takes for base in bases if (takes := _constructor(*base))), None)


def _named(module: Module, node: ast.expr) -> Found | None:
    """The class that `Name` or `package.Name` means in `module`."""
    root, *rest = ast.unparse(node).split(".")
    if not rest or root not in module.origins:
        return resolve(module, root) if not rest else None
    inside = ".".join(filter(None, (*module.origins[root], *rest[:-1])))
    return resolve(find_module(inside), rest[-1])
