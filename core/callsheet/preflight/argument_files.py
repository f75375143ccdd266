"""Checks of the files that trainer arguments name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from callsheet.errors import did_you_mean

# Arguments that hold a configuration, or name a JSON file with one.
JSON_FILES = ("deepspeed", "fsdp_config", "accelerator_config")


def problems(args: Mapping[str, Any]) -> list[str]:
    """List the files that are not there, or hold no JSON object where one is needed."""
    found = [said for name in JSON_FILES if isinstance(args.get(name), str) and (said := _wrong(name, args[name]))]
    if args.get("deepspeed") and find_spec("deepspeed") is None:
        found.append("trainer.args.deepspeed needs the package deepspeed: pip install 'callsheet[distributed]'")
    template = args.get("chat_template_path")
    if isinstance(template, str) and _is_path(template) and not Path(template).expanduser().exists():
        found.append(f"trainer.args.chat_template_path={template} is not there.{nearest(Path(template))}")
    return found


def nearest(path: Path) -> str:
    """The name beside `path` that is most like its own, as a question; or that its folder is not there."""
    folder = path.expanduser().absolute().parent
    if not folder.is_dir():
        return f" There is no folder {folder}."
    try:
        return did_you_mean(path.name, [entry.name for entry in folder.iterdir()])
    except OSError:
        return ""


def _wrong(name: str, written: str) -> str:
    if written.lstrip().startswith("{"):
        return _no_object(f"trainer.args.{name}", written)
    path = Path(written).expanduser()
    if not path.is_file():
        return f"trainer.args.{name}={written} is no file.{nearest(path)}"
    try:
        return _no_object(f"trainer.args.{name}={written}", path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"trainer.args.{name}={written} cannot be read: {error}."


def _no_object(what: str, text: str) -> str:
    try:
        return "" if isinstance(json.loads(text), dict) else f"{what} holds no JSON object in braces."
    except ValueError as error:
        return f"{what} is no JSON: {error}."


def _is_path(written: str) -> bool:
    return written.startswith((".", "/", "~")) or written.endswith(".jinja") or written.count("/") > 1
