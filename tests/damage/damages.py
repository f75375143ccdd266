"""The damages: each is a list that JSON can hold, `[kind, place, ...]`, and `apply` does it to a run directory.

Places in a file are shares of its length, and values are named, so that a damage means the same in another run.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from damage import odd

Damage = list[Any]

PLACEHOLDER = "\u2603"
LINKS = ("dangling", "itself", "file", "folder", "above", "/dev/zero", "/dev/full", "/dev/tty", "/proc/self/mem", "run")
KINDS = ("folder", "file", "fifo", "socket")
TIMES = {"ancient": 0, "before": -(2**31), "future": 2**33, "far": 2**40}
SPARSE = 3 << 30


def apply(run: Path, outside: Path, damages: list[Damage]) -> list[Damage]:
    """Do these to the run directory; returns those that could be done, as what one needs another may have removed."""
    done = []
    for damage in damages:
        kind, place, *how = damage
        path = run / place if place else run
        try:
            if not _inside(run, path):
                continue
            DOING[kind](path, outside, *how)
            done.append(damage)
        except Exception:  # what an earlier one has left need not be what this one is for
            continue
    return done


def _inside(run: Path, path: Path) -> bool:
    """An earlier damage may have made a link of a folder: nothing is damaged but the copy."""
    return path.parent.resolve().is_relative_to(run.resolve())


def _regular(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"{path} is no file")
    return path.read_bytes()


# Bytes


def _flip(path: Path, outside: Path, share: float, bit: int) -> None:
    content = bytearray(_regular(path))
    content[int(share * len(content))] ^= 1 << bit
    path.write_bytes(content)


def _insert(path: Path, outside: Path, share: float, what: str) -> None:
    content = _regular(path)
    at = int(share * len(content))
    path.write_bytes(content[:at] + bytes.fromhex(what) + content[at:])


def _cut(path: Path, outside: Path, share: float, number: int) -> None:
    content = _regular(path)
    at = int(share * len(content))
    path.write_bytes(content[:at] + content[at + number :])


def _truncate(path: Path, outside: Path, share: float) -> None:
    content = _regular(path)
    path.write_bytes(content[: int(share * len(content))])


def _double(path: Path, outside: Path) -> None:
    path.write_bytes(_regular(path) * 2)


def _fill(path: Path, outside: Path, name: str) -> None:
    _regular(path)
    path.write_bytes(odd.FILLINGS[name].replace(b"{outside}", os.fsencode(outside)))


def _sparse(path: Path, outside: Path) -> None:
    _regular(path)
    os.truncate(path, SPARSE)


# JSON and YAML


def _value(path: Path, outside: Path, share: float, name: str) -> None:
    """Another value in place of one that is chosen by its share of all."""
    _edited(path, share, lambda holder, key: holder.__setitem__(key, PLACEHOLDER), odd.VALUES[name], outside)


def _dropped(path: Path, outside: Path, share: float) -> None:
    _edited(path, share, lambda holder, key: holder.__delitem__(key), "", outside)


def _added(path: Path, outside: Path, share: float, key: str, name: str) -> None:
    def add(holder: Any, old: Any) -> None:
        if isinstance(holder, list):
            holder.append(PLACEHOLDER)
        else:
            holder[key] = PLACEHOLDER

    _edited(path, share, add, odd.VALUES[name], outside)


def _renamed_key(path: Path, outside: Path, share: float) -> None:
    def rename(holder: Any, key: Any) -> None:
        if isinstance(holder, dict):
            holder[f"{key}_"] = holder.pop(key)

    _edited(path, share, rename, "", outside)


def _edited(path: Path, share: float, edit: Callable[[Any, Any], object], raw: str, outside: Path) -> None:
    if path.suffix == ".jsonl":
        lines = _regular(path).decode().splitlines()
        number = int(share * len(lines))
        lines[number] = _edit(json.loads(lines[number]), share * len(lines) % 1, edit, raw)
        text = "\n".join(lines) + "\n"
    elif path.suffix == ".yaml":
        import yaml

        text = _edit(yaml.safe_load(_regular(path)), share, edit, raw.replace("NaN", ".nan")) + "\n"
    else:
        text = _edit(json.loads(_regular(path)), share, edit, raw) + "\n"
    path.write_bytes(text.replace("{outside}", str(outside)).encode("utf-8", "surrogatepass"))


def _edit(content: Any, share: float, edit: Callable[[Any, Any], object], raw: str) -> str:
    places = [(content, key) for content, key in _places(content)]
    edit(*places[int(share * len(places))])
    return json.dumps(content, ensure_ascii=False).replace(f'"{PLACEHOLDER}"', raw)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    for key in [*content] if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield content, key
        yield from _places(content[key])


def _line(path: Path, outside: Path, share: float, name: str) -> None:
    """A line that is none of ours, among those of a log."""
    lines = _regular(path).splitlines(keepends=True)
    at = int(share * (len(lines) + 1))
    path.write_bytes(b"".join([*lines[:at], odd.LINES[name] + b"\n", *lines[at:]]))


def _reorder(path: Path, outside: Path, seed: int) -> None:
    lines = _regular(path).splitlines(keepends=True)
    Random(seed).shuffle(lines)
    path.write_bytes(b"".join(lines))


def _repeat(path: Path, outside: Path, share: float, times: int) -> None:
    lines = _regular(path).splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[int(share * len(lines))] * times]))


def _yaml(path: Path, outside: Path, name: str) -> None:
    path.write_bytes(_regular(path) + odd.YAML[name].replace("{outside}", str(outside)).encode())


# Files that are no plain model: a header of safetensors is a length of eight bytes and JSON.


def _header(path: Path, outside: Path, share: float, name: str) -> None:
    content = _regular(path)
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    text = _edit(header, share, lambda holder, key: holder.__setitem__(key, PLACEHOLDER), odd.VALUES[name]).encode(
        "utf-8", "surrogatepass"
    )
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])


def _header_length(path: Path, outside: Path, length: int) -> None:
    path.write_bytes(length.to_bytes(8, "little") + _regular(path)[8:])


def _unlist(path: Path, outside: Path) -> None:
    """A manifest that knows the checkpoints, and of their files neither sizes nor hashes."""
    rows = [json.loads(line) for line in _regular(path).splitlines()]
    for row in rows:
        if "files" in row:
            row["files"] = {}
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


# The tree


def _delete(path: Path, outside: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _link(path: Path, outside: Path, where: str) -> None:
    target = {
        "dangling": path.parent / "nothing" / "there",
        "itself": path,
        "file": outside / "file",
        "folder": outside / "folder",
        "above": outside.parent,
        "run": path.parent,
    }.get(where, Path(where))
    _delete(path, outside)
    path.symlink_to(target)


def _replace(path: Path, outside: Path, kind: str) -> None:
    _delete(path, outside)
    _make(path, kind)


def _make(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
        (path / "x.json").write_text("{}")
    elif kind == "file":
        path.write_text("{}")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        _socket(path)


def _socket(path: Path) -> None:
    """Its name may be longer than the address of a socket may be."""
    where = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(f"/proc/self/fd/{where}/{path.name}")
    finally:
        os.close(where)


def _mode(path: Path, outside: Path, mode: int) -> None:
    path.chmod(mode, follow_symlinks=not path.is_symlink())


def _rename(path: Path, outside: Path, name: str) -> None:
    path.rename(path.with_name(odd.NAMES[name]))


def _swap(path: Path, outside: Path, other: str) -> None:
    run = next(folder for folder in path.parents if (folder.parent / "outside") == outside)
    second, between = run / other, path.with_name("between")
    if not second.exists() or second.is_relative_to(path) or path.is_relative_to(second):
        raise ValueError("they cannot change places")
    path.rename(between)
    second.rename(path)
    between.rename(second)


def _time(path: Path, outside: Path, name: str) -> None:
    os.utime(path, (TIMES[name], TIMES[name]), follow_symlinks=False)


def _stray(path: Path, outside: Path, name: str, kind: str) -> None:
    """Something among the others that nobody put there; `path` is a folder."""
    if not path.is_dir():
        raise ValueError("nothing can lie in it")
    new = path / odd.NAMES[name]
    if kind in LINKS:
        new.write_text("")
        _link(new, outside, kind)
    elif kind in odd.FILLINGS:
        new.write_bytes(odd.FILLINGS[kind])
    else:
        _make(new, kind)


DOING: dict[str, Callable[..., None]] = {
    "flip": _flip,
    "insert": _insert,
    "cut": _cut,
    "truncate": _truncate,
    "double": _double,
    "fill": _fill,
    "sparse": _sparse,
    "value": _value,
    "drop": _dropped,
    "add": _added,
    "rename_key": _renamed_key,
    "line": _line,
    "reorder": _reorder,
    "repeat": _repeat,
    "yaml": _yaml,
    "header": _header,
    "header_length": _header_length,
    "unlist": _unlist,
    "delete": _delete,
    "link": _link,
    "replace": _replace,
    "mode": _mode,
    "rename": _rename,
    "swap": _swap,
    "time": _time,
    "stray": _stray,
}
