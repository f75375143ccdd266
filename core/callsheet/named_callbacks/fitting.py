"""Compares values of a configuration with the types that a class asks for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean
from callsheet.introspect.annotations import (
    Choice,
    Function,
    Instance,
    Many,
    Several,
    Simple,
    Table,
    Type,
    read,
    union,
)
from callsheet.introspect.arguments import WORDS, is_written_number
from callsheet.introspect.families import family
from callsheet.introspect.signatures import Parameter, Signature, signature_of_class
from callsheet.named_callbacks.naming import TARGET
from callsheet.named_callbacks.sources import signature_at
from callsheet.secrets import redact

PYTHON: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "str": str,
    "path": str,
    "dtype": str,
    "device": (int, str),
}
MOST = 20  # names that a message lists
# Classes that take any name and keep it in silence: only the names that they read mean something.
STRICT = {"transformers.generation.configuration_utils.GenerationConfig"}


def argument_problems(where: str, path: str, signature: Signature, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with `arguments` of the class or function at `path`; `where` is where they stand."""
    known = [*signature.parameters, *(signature.popped if path in STRICT else ())]
    unknown = [name for name in arguments if name not in known] if path in STRICT else signature.unknown([*arguments])
    for name in unknown:
        takes = f" It takes: {', '.join(known) or 'none'}." if len(known) <= MOST else ""
        yield f"{where}: {path} takes no argument {name!r}.{did_you_mean(name, known)}{takes}"
    for name, value in arguments.items():
        if parameter := signature.parameters.get(name):
            yield from misfits(f"{where}.{name}", name, type_of(parameter), value)


def type_of(parameter: Parameter) -> Type:
    """What a parameter takes; None is one of it if that is the default."""
    written = read(parameter.module, parameter.annotation)
    is_none = isinstance(parameter.default, ast.Constant) and parameter.default.value is None
    return union(written, Simple("None")) if is_none else written


def misfits(where: str, name: str, type_: Type, value: Any) -> Iterator[str]:
    """Yield why `value` cannot become a `type_`."""
    if isinstance(type_, Several) and len(alike := [one for one in type_.of if _is_alike(one, value)]) == 1:
        type_ = alike[0]
    if isinstance(value, Mapping) and TARGET in value:
        yield from _target_problems(where, value)
    elif isinstance(value, Mapping) and (instance := instance_of(type_)):
        arguments = {str(key): item for key, item in value.items()}
        yield from _made_problems(where, instance.path, signature_of_class(family(*instance.found)), arguments)
    elif isinstance(type_, (Many, Table)) and _is_of(type_, value):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            inside = f"{where}.{key}" if isinstance(value, Mapping) else f"{where}[{key}]"
            yield from misfits(inside, str(key), type_.of, item)
    elif isinstance(type_, Function) and isinstance(value, str):
        try:
            signature_at(value, where)
        except CallsheetError as error:
            yield str(error)
    elif not fits(type_, value):
        yield f"{where} must be {words(type_)}, got {redact(value, name)!r}.{_advice(where, type_, value)}"


def instance_of(type_: Type) -> Instance | None:
    """The class whose arguments a mapping holds, if that is what `type_` makes of a mapping."""
    members = type_.of if isinstance(type_, Several) else (type_,)
    classes = [member for member in members if isinstance(member, Instance)]
    return classes[0] if len(classes) == 1 and not any(isinstance(member, Table) for member in members) else None


def fits(type_: Type, value: Any) -> bool:
    """Whether `value` can become a `type_`."""
    match type_:
        case Several(of):
            return any(fits(member, value) for member in of)
        case Simple("None"):
            return value is None
        case Simple("bool"):
            return isinstance(value, bool)
        case Simple(name):
            return not isinstance(value, bool) and (
                isinstance(value, PYTHON[name]) or (name == "float" and is_written_number(value))
            )
        case Choice(values):
            return value in values
        case Many(_, of):
            return _is_of(type_, value) and all(fits(of, item) for item in value)
        case Table(of):
            return _is_of(type_, value) and all(fits(of, item) for item in value.values())
        case Function():
            return isinstance(value, str)
        case Instance():
            return isinstance(value, Mapping) or not _is_known(type_)
    return True


def words(type_: Type) -> str:
    """What a value of `type_` is called."""
    match type_:
        case Several(of):
            simple = sorted((one.name for one in of if isinstance(one, Simple)), key=[*WORDS].index)
            others = [words(one) for one in of if not isinstance(one, Simple)]
            return " or ".join(dict.fromkeys([*others, *(WORDS[name] for name in simple)]))
        case Simple(name):
            return WORDS[name]
        case Choice(values):
            return f"one of {', '.join(map(str, values))}"
        case Many():
            return "a list"
        case Table():
            return "a mapping"
        case Function():
            return "the dotted path of a function or class"
        case Instance(found):
            return f"a mapping with the arguments of {found[1].name}"
    return "a value"


def _is_alike(type_: Type, value: Any) -> bool:
    """Whether `value` has the form of a `type_`, whatever it holds."""
    if isinstance(value, Mapping):
        return isinstance(type_, (Table, Instance))
    if isinstance(type_, (Many, Table)):
        return _is_of(type_, value)
    return isinstance(value, str) and (isinstance(type_, (Choice, Function)) or type_ == Simple("str"))


def _is_of(type_: Many | Table, value: Any) -> bool:
    if isinstance(type_, Table):
        return isinstance(value, Mapping)
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_known(type_: Instance) -> bool:
    """Whether the whole family of a class is known, so that no text or number can be one."""
    return family(*type_.found).complete


def _made_problems(where: str, path: str, signature: Signature, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the arguments of what is to be made of a mapping."""
    yield from argument_problems(where, path, signature, arguments)
    if missing := signature.missing([*arguments]):
        yield f"{where}: {path} needs {', '.join(missing)}."


def _target_problems(where: str, value: Mapping[str, Any]) -> Iterator[str]:
    arguments = {str(key): item for key, item in value.items() if key != TARGET}
    try:
        signature = signature_at(str(value[TARGET]), f"{where}.{TARGET}")
    except CallsheetError as error:
        yield str(error)
        return
    yield from _made_problems(where, str(value[TARGET]), signature, arguments)


def _advice(where: str, type_: Type, value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and "text" in words(type_):
        return f" Put it into quotes: '{where}=\"{value}\"'."
    if isinstance(type_, Choice):
        return did_you_mean(str(value), map(str, type_.values))
    return ""
