"""Reads annotations in source as types, as far as they are of use for values from a configuration."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass

from callsheet.introspect.families import Found, family
from callsheet.introspect.meanings import dotted, meanings_of
from callsheet.introspect.modules import Module, defined_by, literal

LISTS = ("list", "List", "Sequence", "MutableSequence", "Iterable", "Collection")
CONTAINERS = {
    **dict.fromkeys(LISTS, list),
    "tuple": tuple,
    "Tuple": tuple,
    "set": set,
    "Set": set,
    "frozenset": frozenset,
}
TABLES = {"dict", "Dict", "Mapping", "MutableMapping"}
FUNCTIONS = {"callable", "Callable", "type", "Type"}
PATHS = {"pathlib.Path", "pathlib.PurePath", "os.PathLike"}
OF_TORCH = {"torch.dtype", "torch.device"}
HOMES = ("", "typing", "typing_extensions", "collections.abc")  # of the names above; "" has the builtins
NO_INSTANCES = {"typing.Protocol", "typing_extensions.Protocol", "typing.TypedDict", "typing_extensions.TypedDict"}


@dataclass(frozen=True)
class Simple:
    """int, float, bool, str, None, path, dtype or device."""

    name: str


@dataclass(frozen=True)
class Choice:
    """One of these values; with `enum`, the member of that class that has the value or the name."""

    values: tuple[object, ...]
    enum: str = ""


@dataclass(frozen=True)
class Many:
    """A list, tuple or set of values."""

    container: type
    of: Type


@dataclass(frozen=True)
class Table:
    """A dictionary with text as keys."""

    of: Type


@dataclass(frozen=True)
class Function:
    """A function or a class, which a configuration names by its dotted path."""


@dataclass(frozen=True)
class Instance:
    """An object of a class, which a configuration describes by the arguments of the class."""

    found: Found

    @property
    def path(self) -> str:
        return f"{self.found[0].name}.{self.found[1].name}"


@dataclass(frozen=True)
class Several:
    """A value of one of these types."""

    of: tuple[Type, ...]


@dataclass(frozen=True)
class Anything:
    """Nothing is known of it."""


Type = Simple | Choice | Many | Table | Function | Instance | Several | Anything


def read(module: Module | None, node: ast.expr | None, depth: int = 0) -> Type:
    """The type that an annotation means where it stands in `module`."""
    if module is None or node is None or depth > 8:
        return Anything()
    if isinstance(node, ast.Constant):
        return _constant(module, node.value, depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return union(read(module, node.left, depth), read(module, node.right, depth))
    if isinstance(node, ast.Subscript):
        return _subscript(module, node, depth)
    path = dotted(module, node)
    return _plain(path) or _defined(module, node, depth)


def _constant(module: Module, value: object, depth: int) -> Type:
    if value is None:
        return Simple("None")
    try:
        return (
            read(module, ast.parse(str(value), mode="eval").body, depth + 1) if isinstance(value, str) else Anything()
        )
    except SyntaxError:
        return Anything()


def _subscript(module: Module, node: ast.Subscript, depth: int) -> Type:
    home, _, name = dotted(module, node.value).rpartition(".")
    inside = [*node.slice.elts] if isinstance(node.slice, ast.Tuple) else [node.slice]
    if home not in HOMES:
        return read(module, node.value, depth)
    if name == "Literal":
        return Choice(tuple(literal(item) for item in inside))
    if name in ("Annotated", "Final", "Required", "NotRequired"):
        return read(module, inside[0], depth)
    if name in FUNCTIONS:
        return Function()
    members = [read(module, item, depth) for item in inside]
    if name == "Optional":
        return union(members[0], Simple("None"))
    if name == "Union":
        return union(*members)
    if name in CONTAINERS:
        mixed = CONTAINERS[name] is tuple and not (len(inside) == 2 and literal(inside[1]) is ...)
        return Many(CONTAINERS[name], Anything() if mixed else members[0])
    return Table(members[-1]) if name in TABLES else read(module, node.value, depth)


def _plain(path: str) -> Type | None:
    home, _, name = path.rpartition(".")
    if path in ("int", "float", "bool", "str"):
        return Simple(path)
    if path in PATHS:
        return Simple("path")
    if path in OF_TORCH:
        return Simple(name)
    if home in HOMES and name in CONTAINERS:
        return Many(CONTAINERS[name], Anything())
    if home in HOMES and name in TABLES:
        return Table(Anything())
    return Function() if home in HOMES and name in FUNCTIONS else None


def _defined(module: Module, node: ast.expr, depth: int) -> Type:
    """A class, or another name for a type."""
    found = meanings_of(module, node)
    if len(found) != 1 or found[0] is None:
        return Anything()
    there, statement = found[0]
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return read(there, statement.value, depth + 1) if not isinstance(statement.value, ast.Call) else Anything()
    return _class(there, statement) if isinstance(statement, ast.ClassDef) else Anything()


def _class(module: Module, node: ast.ClassDef) -> Type:
    """A class of the standard library is left alone: numbers and protocols fit by more than their bases."""
    known = family(module, node)
    if known.includes("enum.Enum"):
        return _enum(module, node)
    bases = {dotted(home, base) for home, member in known.members for base in member.bases}
    if bases & NO_INSTANCES or module.name.partition(".")[0] in sys.stdlib_module_names:
        return Anything()
    return Instance((module, node))


def _enum(module: Module, node: ast.ClassDef) -> Type:
    """The values of an Enum that are written down, and the names of all its members."""
    members = [(name, item) for item in node.body if isinstance(item, ast.Assign) for name in defined_by(item)]
    values = [literal(item.value) for name, item in members if not name.startswith("_")]
    names = [name for name, _ in members if not name.startswith("_")]
    known = tuple(dict.fromkeys([*(value for value in values if isinstance(value, (str, int))), *names]))
    return Choice(known, f"{module.name}.{node.name}") if known else Anything()


def union(*members: Type) -> Type:
    """A value of one of these types; a union of unions is one union."""
    flat = [one for member in members for one in (member.of if isinstance(member, Several) else (member,))]
    return Several(tuple(one for place, one in enumerate(flat) if one not in flat[:place]))
