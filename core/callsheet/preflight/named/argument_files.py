"""Checks of the files that trainer arguments name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from callsheet.disk import regular
from callsheet.errors import did_you_mean

LARGEST = 16 * 2**20  # bytes

# Arguments that hold a configuration, or name a JSON file with one.
JSON_FILES = ("deepspeed", "fsdp_config", "accelerator_config")


def problems(args: Mapping[str, Any]) -> list[str]:
    """List the files that are not there, or hold no JSON object where one is needed."""
    found = [said for name in JSON_FILES if isinstance(args.get(name), str) and (said := _wrong(name, args[name]))]
    if args.get("deepspeed") and find_spec("deepspeed") is None:
        found.append("trainer.args.deepspeed needs the package deepspeed: pip install 'callsheet[distributed]'")
    template = args.get("chat_template_path")
    if isinstance(template, str) and _is_path(template) and (said := _no_template(Path(template).expanduser())):
        found.append(f"trainer.args.chat_template_path={template} {said}")
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
    try:
        if not path.exists() or path.is_dir():
            return f"trainer.args.{name}={written} is no file.{nearest(path)}"
        return _no_object(f"trainer.args.{name}={written}", regular.read(path, LARGEST, follow=True).decode("utf-8"))
    except (OSError, ValueError) as error:
        return f"trainer.args.{name}={written} cannot be read: {error}."


def _no_template(path: Path) -> str:
    """Why there is no template at `path`; a model's folder has one, maybe."""
    try:
        if not path.exists():
            return f"is not there.{nearest(path)}"
        if not path.is_dir():
            regular.read(path, LARGEST, follow=True)
        return ""
    except regular.Irregular as error:
        return f"is no template: {error}."


def _no_object(what: str, text: str) -> str:
    try:
        return "" if isinstance(json.loads(text), dict) else f"{what} holds no JSON object in braces."
    except (ValueError, RecursionError) as error:
        return f"{what} is no JSON: {error}."


def _is_path(written: str) -> bool:
    return written.startswith((".", "/", "~")) or written.endswith(".jinja") or written.count("/") > 1
