"""Finds classes and their bases in compiled modules, and follows them from module to module, without an import."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import CodeType

from callsheet.errors import CallsheetError
from callsheet.introspect.compiled import CompiledModule, bodies, is_class, look, no_name

MOST_HOPS = 8
# Large packages that contain no class of Callsheet, so the search does not enter them.
LIBRARIES = {
    "accelerate",
    "click",
    "datasets",
    "numpy",
    "omegaconf",
    "peft",
    "pydantic",
    "torch",
    "transformers",
    "trl",
}


@dataclass(frozen=True)
class CompiledClass:
    """A class or a function, as compiled code in its module."""

    module: CompiledModule
    body: CodeType

    @property
    def summary(self) -> str:
        """The first line of the docstring. The strings of a class body are its qualified name, then its docstring."""
        if not is_class(self.body):
            return _docstring_of(self.body).strip().partition("\n")[0].strip()
        strings = [const for const in self.body.co_consts if isinstance(const, str)]
        text = strings[1] if "__doc__" in self.body.co_names and len(strings) > 1 else ""
        return text.strip().partition("\n")[0].strip()

    @cached_property
    def functions(self) -> list[CodeType]:
        return [body for body in bodies(self.body) if body.co_flags and not is_class(body)]

    def decorators(self, function: CodeType) -> str:
        """The decorator lines above `def`; the code of a decorated function begins there."""
        found = []
        for line in map(str.strip, self.module.lines[function.co_firstlineno :]):
            if line.startswith(("def ", "async def ")):
                break
            found.append(line)
        return "\n".join(found)

    @cached_property
    def bases(self) -> list[str] | None:
        """The bases in the parentheses, as dotted names; None if a base is computed."""
        lines, start, name = self.module.lines, self.body.co_firstlineno, self.body.co_name
        while start < len(lines) and not lines[start].lstrip().startswith("class "):
            start += 1
        header = lines[start].strip().removeprefix("class ").lstrip() if start < len(lines) else ""
        if not header.startswith(name):
            return None
        simple, ends, _ = header[len(name) :].partition("):")
        if ends and simple.startswith("(") and not {*"([{='\""} & {*simple[1:]}:
            return [base.strip() for base in simple[1:].split(",") if base.strip()]
        rest = header[len(name) :].lstrip()
        return _parsed("\n".join([rest, *lines[start + 1 : start + 40]])) if rest[:1] in "([" else []


def _docstring_of(function: CodeType) -> str:
    """The first constant of a function is its docstring; from Python 3.13 on a flag says whether it has one."""
    flag = getattr(inspect, "CO_HAS_DOCSTRING", 0)
    first = function.co_consts[0] if function.co_consts and function.co_flags & flag == flag else None
    return first if isinstance(first, str) else ""


def find_compiled(module: str, name: str) -> CompiledClass | None:
    """Find `name` (or `Outer.Inner`) of `module`, also through re-exports; None if only a run would tell.

    Raises `CallsheetError` if the import would fail, or if there is no such name.
    """
    top, *inside = name.split(".")
    for _ in range(MOST_HOPS):
        found = look(module)
        if body := found.body(top):
            return _nested(CompiledClass(found, body), inside)
        if (value := found.assigned(top)).isidentifier() and value not in ("None", "True", "False"):
            top = value
            continue
        if not (source := found.imported(top)):
            break
        module, top = source
        if not top:
            return None
    if value and not value[0].isalpha() and _is_literal(value):
        raise CallsheetError(f"Its {top} is {value}, and no class.")
    if not found.may_define(top):
        raise CallsheetError(no_name(found, top))
    return None


def chain(found: CompiledClass, parent: str) -> Iterator[CompiledClass | bool | None]:
    """Yield `found` and its base classes, up to `parent`.

    True stands for `parent`, False for an unrelated class, None for a base that only a run would tell.
    """
    pending, seen = [found], 0
    while pending and (seen := seen + 1) <= MOST_HOPS:
        here = pending.pop(0)
        yield here
        for base in [""] if here.bases is None else here.bases:
            named = _named(here.module, base, parent)
            if isinstance(named, CompiledClass):
                pending.append(named)
            else:
                yield named


def _named(module: CompiledModule, dotted: str, parent: str) -> CompiledClass | bool | None:
    root, *rest = dotted.split(".")
    if not rest and (body := module.body(root)):
        return CompiledClass(module, body) if is_class(body) else None
    source = module.imported(root) if root else None
    if source is None:
        return False if root and not rest and hasattr(builtins, root) else None
    home = ".".join(filter(None, (*source, *rest[:-1]))) if rest else source[0]
    name = rest[-1] if rest else source[1]
    if parent and f"{parent.partition(':')[0]}.".startswith(f"{home}.") and name == parent.partition(":")[2]:
        return True
    top = home.partition(".")[0]
    if top in LIBRARIES or top in sys.stdlib_module_names:
        return False
    try:
        found = find_compiled(home, name)
    except CallsheetError:
        return None
    return found if found and is_class(found.body) else None


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def _nested(found: CompiledClass, inside: list[str]) -> CompiledClass | None:
    for name in inside:
        body = next((body for body in bodies(found.body) if body.co_name == name), None)
        if body is None:
            if name in found.body.co_names:
                return None
            raise CallsheetError(f"Its class {found.body.co_name!r} has no {name!r}.")
        found = CompiledClass(found.module, body)
    return found


def _parsed(text: str) -> list[str] | None:
    """The bases in the header of a class; `text` begins after its name."""
    if text.startswith("["):
        text = text[len(_in_parentheses(text)) :].lstrip()
    if not text.startswith("("):
        return []
    try:
        statement = ast.parse(f"class x{_in_parentheses(text)}: pass").body[0]
    except SyntaxError:
        return None
    assert isinstance(statement, ast.ClassDef)
    found = [_dotted(base) for base in statement.bases]
    return None if None in found else [name for name in found if name]


def _in_parentheses(text: str) -> str:
    depth = 0
    for place, mark in enumerate(text):
        depth += (mark in "([{") - (mark in ")]}")
        if not depth:
            return text[: place + 1]
    return text


def _dotted(node: ast.expr) -> str | None:
    while isinstance(node, ast.Subscript):
        node = node.value
    return ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
