"""Finds the ancestors of a class, in the order in which Python looks for attributes, without importing them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from callsheet.introspect.classes import Found
from callsheet.introspect.meanings import dotted, meanings_of
from callsheet.introspect.modules import Module

# Bases that change nothing about what a class takes.
PLAIN = {"object", "abc.ABC", "typing.Generic", "typing_extensions.Generic"}
PLAIN_METACLASSES = {"abc.ABCMeta", "type"}


@dataclass(frozen=True)
class Family:
    """A class, then its ancestors. If not `complete`, only a run would tell of the others."""

    members: tuple[Found, ...]
    complete: bool

    def includes(self, path: str) -> bool:
        """Whether the class that is defined at the dotted `path` is a member."""
        return any(f"{module.name}.{node.name}" == path for module, node in self.members)


def family(module: Module, node: ast.ClassDef) -> Family:
    """The family of the class that `node` defines in `module`."""
    return _family((module, node), frozenset())


def _family(found: Found, below: frozenset[tuple[str, str]]) -> Family:
    module, node = found
    if (module.name, node.name) in below:
        return Family((), complete=False)
    below |= {(module.name, node.name)}
    complete, above = not has_own_metaclass(found), []
    for base in node.bases:
        classes, is_sure = _classes(module, base)
        families = [_family(one, below) for one in classes]
        complete &= is_sure and all(one.complete for one in families)
        above += [one.members for one in families]
    return Family((found, *_merged([*above, tuple(members[0] for members in above if members)])), complete)


def _classes(module: Module, base: ast.expr) -> tuple[list[Found], bool]:
    """The classes that a base may be, and whether it is one of which everything is known."""
    stripped = base.value if isinstance(base, ast.Subscript) else base
    if dotted(module, stripped) in PLAIN:
        return [], True
    found = meanings_of(module, stripped)
    classes = [(meaning[0], meaning[1]) for meaning in found if meaning and isinstance(meaning[1], ast.ClassDef)]
    return classes, len(found) == 1 == len(classes)


def has_own_metaclass(found: Found) -> bool:
    """Whether a class names a metaclass that may change how it is made."""
    module, node = found
    chosen = [keyword.value for keyword in node.keywords if keyword.arg == "metaclass"]
    return any(dotted(module, value) not in PLAIN_METACLASSES for value in chosen)


def _merged(orders: list[tuple[Found, ...]]) -> list[Found]:
    """Python's own merge of the orders of several bases (C3); orders that contradict each other are appended."""
    merged: list[Found] = []
    while orders := [order for order in orders if order]:
        heads = [order[0] for order in orders]
        tails = {_key(found) for order in orders for found in order[1:]}
        first = next((head for head in heads if _key(head) not in tails), heads[0])
        merged.append(first)
        orders = [tuple(found for found in order if _key(found) != _key(first)) for order in orders]
    return merged


def _key(found: Found) -> tuple[str, str, int]:
    return found[0].name, found[1].name, found[1].lineno
