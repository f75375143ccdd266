"""Makes the values that a class asks for from those that a configuration can hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.introspect.annotations import Choice, Function, Many, Several, Simple, Table, Type
from callsheet.introspect.families import family
from callsheet.introspect.importing import import_object, raised_in
from callsheet.introspect.signatures import Signature, signature_of_class
from callsheet.named_callbacks.fitting import fits, instance_of, is_written_number, type_of
from callsheet.named_callbacks.naming import TARGET
from callsheet.named_callbacks.sources import signature_at


def built(where: str, signature: Signature, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` as `signature` wants them; raises `CallsheetError` for one that cannot be made."""
    known = signature.parameters
    return {
        name: _built(f"{where}.{name}", type_of(known[name]) if name in known else None, value)
        for name, value in arguments.items()
    }


def _built(where: str, type_: Type | None, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _from_mapping(where, type_, {str(key): item for key, item in value.items()})
    match type_:
        case Several(of):
            return _built(where, next((member for member in of if fits(member, value)), None), value)
        case Many(container, of) if isinstance(value, (list, tuple)):
            return container(_built(f"{where}.{place}", of, item) for place, item in enumerate(value))
        case Function() if isinstance(value, str):
            return import_object(value, where)
        case Choice(_, enum) if enum:
            return _member(import_object(enum, where), value)
        case Simple(name):
            return _simple(where, name, value)
    return value


def _from_mapping(where: str, type_: Type | None, value: Mapping[str, Any]) -> Any:
    if TARGET in value:
        arguments = {name: item for name, item in value.items() if name != TARGET}
        path = str(value[TARGET])
        return _made(where, path, built(where, signature_at(path, where), arguments))
    if type_ and (instance := instance_of(type_)):
        signature = signature_of_class(family(*instance.found))
        return _made(where, instance.path, built(where, signature, value))
    tables = [member for member in (type_.of if isinstance(type_, Several) else [type_]) if isinstance(member, Table)]
    of = tables[0].of if tables else None
    return {name: _built(f"{where}.{name}", of, item) for name, item in value.items()}


def _made(where: str, path: str, arguments: Mapping[str, Any]) -> Any:
    maker = import_object(path, where)
    try:
        return maker(**arguments)
    except Exception as error:
        raise CallsheetError(f"{where}: {path} refuses its arguments: {error}{raised_in(error)}") from error


def _member(enum: Any, value: Any) -> Any:
    """The member of an Enum that has this value, or this name."""
    return next((member for member in enum if member.value == value), None) or enum[value]


def _simple(where: str, name: str, value: Any) -> Any:
    if name == "path" and isinstance(value, str):
        return Path(value).expanduser()
    if name == "float" and is_written_number(value):
        return float(value)
    if name in ("dtype", "device") and value is not None:
        return _of_torch(where, name, value)
    return value


def _of_torch(where: str, name: str, value: Any) -> Any:
    import torch

    try:
        found = torch.device(value) if name == "device" else getattr(torch, str(value).removeprefix("torch."))
    except (AttributeError, RuntimeError) as error:
        raise CallsheetError(f"{where}={value}: torch has no such {name}.") from error
    return found
