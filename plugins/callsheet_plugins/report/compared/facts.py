"""What a run's record says of its code, its libraries, its machine and its data: what may differ without a setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VERSIONS, MACHINE, CODE, DATA, PLUGINS = "Versions", "Machine", "Code", "Data", "Plugins"


def facts(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By topic, and in it by name; what the record does not say is not there."""
    return {
        VERSIONS: dict(section(record, "versions")),
        MACHINE: {**_of(record, "host", "platform"), **_world(section(record, "world"))},
        CODE: _git(record),
        DATA: {f"{part} {name}": value for part, about in _data(record) for name, value in about.items()},
        PLUGINS: {str(one.get("name")): origin(one) for one in rows(record, "plugins")},
    }


def origin(plugin: Mapping[str, Any]) -> str:
    """The package that a plugin came from, and its version."""
    return " ".join(str(plugin[name]) for name in ("distribution", "version") if plugin.get(name))


def section(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of the record; empty where it is missing or none."""
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def rows(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list of the record."""
    found = record.get(name)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def _of(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: record[name] for name in names if record.get(name) not in (None, "")}


def _world(world: Mapping[str, Any]) -> dict[str, Any]:
    return _of(world, "engine", "processes", "nodes", "started_by")


def _git(record: Mapping[str, Any]) -> dict[str, Any]:
    git = section(record, "git")
    return {f"git {name}": git[name] for name in ("commit", "branch", "changed") if git.get(name) is not None}


def _data(record: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    parts = [(name, part) for name, part in section(record, "data").items() if isinstance(part, Mapping)]
    return [(str(name), _of(part, "sources", "rows", "digest")) for name, part in parts]
