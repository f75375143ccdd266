"""The ways to name a callback in a configuration, and what a callback gets without being told."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.introspect.modules import last_name, literal
from callsheet.introspect.signatures import Parameter, Signature

PATH, TARGET = "path", "_target_"
# The attribute of the Trainer that a parameter of this name gets; None stands for the Trainer itself.
GIVEN = {
    "trainer": None,
    "model": "model",
    "accelerator": "accelerator",
    "ref_model": "ref_model",
    "tokenizer": "processing_class",
    "processing_class": "processing_class",
}
VALUES = {"int", "float", "bool", "str", "None", "Path", "list", "List", "dict", "Dict", "tuple", "Literal", "Sequence"}


@dataclass(frozen=True)
class Entry:
    """One entry of `callbacks`: the class at `path` is made with `arguments`."""

    name: str
    path: str
    arguments: Mapping[str, Any]

    @property
    def where(self) -> str:
        return f"callbacks.{self.name}"


def entry(name: str, written: Any) -> Entry:
    """Read what is `written` at `callbacks.<name>`; raises `CallsheetError` if it names no class.

    If `_target_` names the class, `path` is an argument like the others.
    """
    spec = {PATH: written} if isinstance(written, str) else written
    if not isinstance(spec, Mapping):
        raise CallsheetError(
            f"callbacks.{name} must be pkg.module.Class, or hold path and arguments; it is {written!r}."
        )
    key = TARGET if TARGET in spec else PATH
    path = spec.get(key)
    if not isinstance(path, str) or not all(part.isidentifier() for part in path.split(".")) or "." not in path:
        said = f", not {path!r}" if path else ""
        raise CallsheetError(
            f"callbacks.{name}.{key} must name a class, as in callbacks.{name}.{key}=pkg.module.Class{said}."
        )
    return Entry(name, path, {str(argument): value for argument, value in spec.items() if argument != key})


def chosen(callbacks: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are not switched off by `callbacks.NAME=null`."""
    return {name: written for name, written in callbacks.items() if written is not None}


def wanted(signature: Signature, arguments: Mapping[str, Any]) -> list[str]:
    """The parameters that get a part of the trainer: named so, left out by the user, and not annotated as values."""
    return [name for name, parameter in signature.parameters.items() if name not in arguments and _is_wanted(parameter)]


def is_part(parameter: Parameter) -> bool:
    """Whether a parameter stands for a part of the trainer: `model: str` does not."""
    return parameter.name in GIVEN and not _is_value(parameter.annotation)


def _is_wanted(parameter: Parameter) -> bool:
    if not is_part(parameter):
        return False
    return parameter.required or (parameter.default is not None and _is_none(parameter.default))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_value(node: ast.expr | None) -> bool:
    """Whether an annotation has only types that a configuration can write."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return False
    if isinstance(node, ast.BinOp):
        return _is_value(node.left) and _is_value(node.right)
    if isinstance(node, ast.Subscript) and last_name(node) in ("Optional", "Union"):
        return all(map(_is_value, node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]))
    return node is not None and (
        last_name(node) in VALUES or (isinstance(node, ast.Constant) and literal(node) is None)
    )
