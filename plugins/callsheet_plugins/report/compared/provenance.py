"""Where a run comes from, as text to copy: what was typed, its code, its data, its libraries, its machine."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from callsheet.errors import counted
from callsheet_plugins.report.compared.facts import origin, rows, section
from callsheet_plugins.report.telling.times import moment, seconds_of
from callsheet_plugins.report.telling.visible import in_line

PROGRAM = "callsheet "
LONGEST = 20_000  # characters of a command


def command(record: Mapping[str, Any]) -> str:
    """The command line as somebody typed it, with quotes for a shell; empty where it is not known."""
    words = record.get("command")
    if not isinstance(words, list) or not words:
        return ""
    program, *rest = map(str, words)
    first = program.split() if program.startswith(PROGRAM) else [program]
    line = shlex.join([*first, *rest])
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}… ({len(line):,} characters; run.json has all of it)"


def told(label: str, record: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """All of it, a line a fact; what the record does not say is left out."""
    pairs = [("run", label), *((name, value) for name, value in _facts(record, config) if value)]
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in pairs)


def _facts(record: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "command", command(record)
    yield "in", _text(record.get("cwd"))
    yield "code", _code(section(record, "git"))
    yield "model", _model(section(config, "model"))
    for name, part in section(record, "data").items():
        if isinstance(part, Mapping):
            yield f"data {in_line(name, 60)}", _data(part)
    for plugin in rows(record, "plugins"):
        yield f"plugin {in_line(plugin.get('name'), 60)}", _plugin(plugin)
    for name, version in section(record, "versions").items():
        yield f"version {in_line(name, 60)}", _text(version)
    yield "host", _joined(record.get("host"), record.get("platform"))
    yield "launch", _world(section(record, "world"))
    yield "started", _time(record.get("started"))
    yield "ended", _time(record.get("ended"))


def _code(git: Mapping[str, Any]) -> str:
    if not git.get("commit"):
        return ""
    changed = git.get("changed")
    files = f"{counted(changed, 'file')} changed and not committed" if isinstance(changed, int) and changed else ""
    branch = f"branch {in_line(git['branch'], 100)}" if git.get("branch") else ""
    return _joined(f"git commit {_text(git['commit'])}", branch, files)


def _model(model: Mapping[str, Any]) -> str:
    revision = model.get("revision")
    return _joined(model.get("path"), f"revision {in_line(revision)}" if revision else "")


def _data(part: Mapping[str, Any]) -> str:
    number = part.get("rows")
    sources = [_source(source) for source in rows(part, "sources")]
    return _joined(*sources, counted(number, "row", form=",") if isinstance(number, int) else "", part.get("digest"))


def _source(source: Mapping[str, Any]) -> str:
    path = _text(source.get("path"))
    others = [f"{name} {_text(value)}" for name, value in source.items() if name != "path" and value not in (None, "")]
    return f"{path} ({', '.join(others)})" if others else path


def _plugin(plugin: Mapping[str, Any]) -> str:
    return _joined(in_line(origin(plugin)), plugin.get("entry_point"))


def _world(world: Mapping[str, Any]) -> str:
    number = world.get("processes")
    processes = counted(number, "process", "processes") if isinstance(number, int) else ""
    engine = f"engine {in_line(world['engine'], 60)}" if world.get("engine") else ""
    nodes = f"{world['nodes']} nodes" if isinstance(world.get("nodes"), int) else ""
    return _joined(processes, nodes, engine)


def _time(written: Any) -> str:
    found = moment(seconds_of(written))
    return f"{found} UTC" if found else ""


def _joined(*parts: Any) -> str:
    return ", ".join(_text(part) for part in parts if part not in (None, ""))


def _text(value: Any) -> str:
    return in_line(value, 2_000) if value not in (None, "") else ""
