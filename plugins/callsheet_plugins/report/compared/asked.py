"""How experiments were called, by their `experiment.json`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.experiments.places import RECORD
from callsheet_plugins.report.compared.facts import section


def asked(folder: Path) -> str:
    """The command line, with quotes for a shell, and where it was typed; empty where that cannot be read."""
    try:
        content = json.loads(Inside(folder, "the experiment's directory").read(RECORD))
    except (OSError, ValueError, RecursionError):
        return ""
    command = section(content, "command") if isinstance(content, Mapping) else {}
    return _told(command) if command else ""


def _told(command: Mapping[str, Any]) -> str:
    parts = [command.get(name) for name in ("flags", "typed")]
    words = [str(word) for part in parts if isinstance(part, list) for word in part]
    begin = ["callsheet", "train", "-m"] if command.get("is_sweep") is True else ["callsheet", "experiment"]
    line = shlex.join([*begin, *words])
    cwd = command.get("cwd")
    return f"{shlex.join(['cd', cwd])}\n{line}" if isinstance(cwd, str) and cwd not in ("", ".") else line
