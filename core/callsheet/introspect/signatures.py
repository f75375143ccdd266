"""Finds what a class or a function takes, from its source: names, defaults and annotations."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from callsheet.introspect.families import Family, Found, has_own_metaclass
from callsheet.introspect.meanings import dotted
from callsheet.introspect.modules import Module, defined_by, last_name, literal, statements

Function = ast.FunctionDef | ast.AsyncFunctionDef
DATACLASS = "dataclasses.dataclass"
OTHER_WAYS = ("__new__", "__init_subclass__")  # by which a class may be made or changed


@dataclass(frozen=True)
class Parameter:
    """One parameter. `module` is where `annotation` stands, and so where its names mean something."""

    name: str
    required: bool
    annotation: ast.expr | None = None
    default: ast.expr | None = None
    module: Module | None = None


@dataclass(frozen=True)
class Signature:
    """What is taken by name. `anything` stands for `**kwargs` that are not passed on to a known class.

    If not `certain`, the source does not tell everything: what it names is there, and there may be more. `popped` are
    the names that the class takes out of its `**kwargs`.
    """

    parameters: Mapping[str, Parameter]
    anything: bool = False
    certain: bool = True
    popped: frozenset[str] = frozenset()

    def unknown(self, names: Sequence[str]) -> list[str]:
        """Those of `names` that are surely not taken."""
        return [] if self.anything or not self.certain else [name for name in names if name not in self.parameters]

    def missing(self, names: Sequence[str]) -> list[str]:
        """What is surely required besides `names`."""
        required = [name for name, parameter in self.parameters.items() if parameter.required]
        return [name for name in required if name not in names] if self.certain else []


UNKNOWN = Signature({}, anything=True, certain=False)


def signature_of_class(family: Family) -> Signature:
    """What the constructor of a class takes, its own or the inherited one."""
    made_otherwise = any(has_own_metaclass(found) or _defines(found[1], *OTHER_WAYS) for found in family.members)
    found = _from(family.members, family)
    return replace(found, certain=found.certain and not made_otherwise)


def signature_of_function(module: Module, node: Function) -> Signature:
    """What a function takes."""
    anything = node.args.kwarg is not None
    return Signature(_parameters(module, node, skip=0), anything=anything, certain=not node.decorator_list)


def _from(members: tuple[Found, ...], family: Family) -> Signature:
    """What the first constructor among `members` takes."""
    for place, found in enumerate(members):
        if inits := [item for item in statements(found[1].body) if _is_init(item)]:
            return _of_init(found, inits, members[place + 1 :], family)
        if _is_dataclass(*found):
            fields = {field.name: field for one in reversed(members[place:]) for field in _fields(*one)}
            return Signature(fields, certain=family.complete and len(found[1].decorator_list) == 1)
        if found[1].decorator_list or _defines(found[1], "__init__"):
            return UNKNOWN
    return Signature({}) if family.complete else UNKNOWN


def _of_init(found: Found, inits: list[ast.stmt], above: tuple[Found, ...], family: Family) -> Signature:
    module, owner = found
    init = inits[-1]
    assert isinstance(init, Function)
    certain = len(inits) == 1 and init in owner.body and not init.decorator_list
    certain &= len(owner.decorator_list) == _is_dataclass(*found)
    certain &= family.complete or found == family.members[0]
    own, rest = _parameters(module, init, skip=1), init.args.kwarg
    if rest is None:
        return Signature(own, certain=certain)
    call = _passed_on(init, rest.arg)
    if call is None:
        return Signature(own, anything=True, certain=certain, popped=_popped(init, rest.arg))
    parent = _from(_called(call, above), family)
    given = {keyword.arg for keyword in call.keywords} | {*[*parent.parameters][: _by_position(call)]}
    others = {name: parameter for name, parameter in parent.parameters.items() if name not in given}
    return replace(parent, parameters={**others, **own}, certain=certain and parent.certain)


def _parameters(module: Module, function: Function, skip: int) -> dict[str, Parameter]:
    takes = function.args
    positional = [*takes.posonlyargs, *takes.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(takes.defaults)) + [*takes.defaults]
    pairs = [*zip(positional, defaults, strict=True)][skip:]
    pairs += zip(takes.kwonlyargs, takes.kw_defaults, strict=True)
    return {
        argument.arg: Parameter(argument.arg, default is None, argument.annotation, default, module)
        for argument, default in pairs
    }


def _passed_on(init: Function, rest: str) -> ast.Call | None:
    """The call of the parent's constructor that gets all of `**rest`, if they are used for nothing else."""
    uses = [node for node in ast.walk(init) if isinstance(node, ast.Name) and node.id == rest]
    for node in ast.walk(init):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            passed = [item.value for item in node.keywords if item.arg is None]
            if len(uses) == 1 and passed == uses:
                return node
    return None


def _called(call: ast.Call, above: tuple[Found, ...]) -> tuple[Found, ...]:
    """The ancestors from the one whose constructor is called: the next one for `super()`, else the one by its name."""
    assert isinstance(call.func, ast.Attribute)
    name = last_name(call.func.value)
    if name == "super":
        return above
    return next((above[place:] for place, (_, node) in enumerate(above) if node.name == name), ())


def _by_position(call: ast.Call) -> int:
    """How many arguments the call passes by position, besides `self` and `*args`, which are empty here."""
    assert isinstance(call.func, ast.Attribute)
    plain = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
    return len(plain) - (last_name(call.func.value) != "super")


def _popped(init: Function, rest: str) -> frozenset[str]:
    calls = [node for node in ast.walk(init) if isinstance(node, ast.Call) and node.args]
    taken = [node for node in calls if ast.unparse(node.func) in (f"{rest}.pop", f"{rest}.get")]
    return frozenset(name for node in taken if isinstance(name := literal(node.args[0]), str))


def _fields(module: Module, node: ast.ClassDef) -> Iterator[Parameter]:
    """The arguments that the fields of a dataclass become."""
    for item in node.body if _is_dataclass(module, node) else []:
        if not (isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)):
            continue
        kind = last_name(item.annotation)
        call = item.value if isinstance(item.value, ast.Call) and last_name(item.value) == "field" else None
        given = {keyword.arg: keyword.value for keyword in call.keywords} if call else {"default": item.value}
        if kind in ("ClassVar", "KW_ONLY") or ("init" in given and literal(given["init"]) is False):
            continue
        required = not (given.get("default") or given.get("default_factory"))
        is_init_var = kind == "InitVar" and isinstance(item.annotation, ast.Subscript)
        annotation = item.annotation.slice if is_init_var else item.annotation  # type: ignore[attr-defined]
        yield Parameter(item.target.id, required, annotation, given.get("default"), module)


def _is_dataclass(module: Module, node: ast.ClassDef) -> bool:
    """Whether `dataclass` of the standard library writes the constructor; one of another library may write another."""
    for decorator in node.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        if dotted(module, call) == DATACLASS:
            options = decorator.keywords if isinstance(decorator, ast.Call) else []
            return not any(option.arg == "init" and literal(option.value) is False for option in options)
    return False


def _is_init(item: ast.stmt) -> bool:
    is_function = isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == "__init__"
    return is_function and not any(last_name(decorator) == "overload" for decorator in item.decorator_list)  # type: ignore[attr-defined]


def _defines(node: ast.ClassDef, *names: str) -> bool:
    return any(name in names for item in statements(node.body) for name in defined_by(item))
