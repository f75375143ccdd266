"""The arguments of a configuration class, read from its source, because an import takes seconds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from callsheet.introspect.classes import find_class, lineage, resolve
from callsheet.introspect.modules import Module, entries, last_name, literal, statements

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# What messages call the types of arguments.
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "path": "a path",
    "dtype": "the name of a dtype such as bfloat16",
    "device": "the name of a device such as cpu",
    "None": "null",
}
SIMPLE: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


@dataclass(frozen=True)
class Argument:
    """One argument of a configuration class; `default` is source text, or empty if there is no default."""

    name: str
    annotation: str
    default: str
    help: str
    choices: tuple[str, ...] | None
    defined_in: str

    @cached_property
    def types(self) -> frozenset[str]:
        """The names of the accepted types if all of them are simple; else empty."""
        found = frozenset(_members(ast.parse(f"({self.annotation})", mode="eval").body))
        found |= {"None"} if self.default == "None" else frozenset()
        return found if found <= {*SIMPLE, "None"} else frozenset()

    @cached_property
    def default_value(self) -> Any:
        """The default where it is a literal, else None."""
        try:
            return ast.literal_eval(self.default)
        except (ValueError, SyntaxError):
            return None

    @property
    def is_numeric(self) -> bool:
        """Whether a number may be its value."""
        return bool({"int", "float"} & {*_members(ast.parse(f"({self.annotation})", mode="eval").body)})


def read_arguments(config_class: str) -> dict[str, Argument]:
    """Read every argument of a class such as `trl.SFTConfig` and of its bases, without importing anything.

    Raises `CallsheetError` if the package is not installed or has no such class.
    """
    family = [found for found in lineage(*find_class(config_class)) if found]
    return {argument.name: argument for module, node in family for argument in _read(module, node)}


def _read(module: Module, node: ast.ClassDef) -> tuple[Argument, ...]:
    """Once for each class: an experiment asks for every arm."""
    if node not in module.arguments:
        module.arguments[node] = tuple(_fields(module, node))
    return module.arguments[node]


def _fields(module: Module, node: ast.ClassDef) -> Iterator[Argument]:
    if not any(last_name(decorator).endswith("dataclass") for decorator in node.decorator_list):
        return
    for item in statements(node.body):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            if last_name(item.annotation) in ("ClassVar", "KW_ONLY"):
                continue
            yield _argument(module, item.target.id, item)


def _argument(module: Module, name: str, item: ast.AnnAssign) -> Argument:
    call = item.value if isinstance(item.value, ast.Call) and last_name(item.value) == "field" else None
    given: dict[str | None, ast.expr | None] = {"default": item.value}
    if call:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
    metadata = entries(given.get("metadata"))
    return Argument(
        name=name,
        annotation=module.text(item.annotation),
        default=_default(module, given),
        help=str(literal(metadata.get("help")) or ""),
        choices=_choices(literal(metadata.get("choices"))) or _enum_choices(module, item.annotation),
        defined_in=module.name,
    )


def _default(module: Module, given: Mapping[str | None, ast.expr | None]) -> str:
    if value := given.get("default"):
        return module.text(value)
    factory = given.get("default_factory")
    if isinstance(factory, ast.Lambda):
        return module.text(factory.body)
    return f"{module.text(factory)}()" if factory else ""


def _choices(listed: Any) -> tuple[str, ...] | None:
    return tuple(str(choice) for choice in listed) if isinstance(listed, (list, tuple)) else None


def _enum_choices(module: Module, annotation: ast.expr) -> tuple[str, ...] | None:
    """The values that an argument annotated `SomeEnum | str` accepts: transformers converts the text to the enum."""
    names = {*_members(annotation)}
    others = [name for name in names - {"str", "None"} if name.isidentifier() and name not in SIMPLE]
    found = resolve(module, others[0]) if "str" in names and len(others) == 1 == len(names - {"str", "None"}) else None
    if not found or not any(last_name(base).endswith("Enum") for base in found[1].bases):
        return None
    values = [literal(item.value) for item in found[1].body if isinstance(item, ast.Assign)]
    return tuple(values) if values and all(isinstance(value, str) for value in values) else None


def _members(node: ast.expr) -> Iterator[str]:
    """The members of a union in any notation; a member that is no plain name comes as source text."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from (*_members(node.left), *_members(node.right))
    elif isinstance(node, ast.Subscript) and last_name(node.value) in ("Optional", "Union"):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        yield from (name for item in inner for name in _members(item))
        yield from ["None"] if last_name(node.value) == "Optional" else []
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _members(ast.parse(node.value, mode="eval").body)
    else:
        yield ast.unparse(node)


def is_written_number(value: Any) -> bool:
    """Whether `value` is a number that YAML left as text: it reads 1e-4 as a string."""
    return isinstance(value, str) and bool(NUMBER.fullmatch(value))
