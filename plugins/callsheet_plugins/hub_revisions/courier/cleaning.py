"""Takes the paths of this machine out of the files that are published; those of the checkpoint stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from callsheet.disk import typed
from callsheet.disk.names import file_name
from callsheet.disk.typed import Malformed
from callsheet.model_files.adapters import BASE
from callsheet.outbox import Delivery

ORIGIN = "name_or_path"  # here transformers writes where a model was loaded from, and PEFT under BASE
LONGEST = 4 << 20
# Weights hold no paths, and in a vocabulary every text is a token.
PASSED = ("*.safetensors", "*.bin", "*.gguf", "*.model", "*.tiktoken", "tokenizer.json", "vocab.*", "merges.txt",
          "added_tokens.json")  # fmt: skip


def cleaned(job: Delivery, folder: Path) -> tuple[Delivery, dict[str, Path]]:
    """`job` with copies in `folder` in place of the files that name this machine, and these copies by name."""
    names, base = list(job.payload.get("local_names") or ()), str(job.payload.get("base_model") or "")
    changed = {}
    for name, path in job.files.items():
        if any(path.match(pattern) for pattern in PASSED) or path.stat().st_size > LONGEST:
            continue
        try:
            before = path.read_text(encoding="utf-8")
        except ValueError:
            continue  # no text
        if (after := clean(before, names, base, is_json=name.endswith(".json"))) != before:
            changed[name] = folder / file_name(name)
            changed[name].write_text(after, encoding="utf-8")
    return replace(job, files={**job.files, **changed}), changed


def clean(text: str, names: Sequence[str], base: str, *, is_json: bool) -> str:
    """`text` without paths of this machine; `base` takes the place of the path of a model, where it is known."""
    if is_json:
        try:
            content: Any = typed.parse(text, object, "a file")
        except Malformed:
            return _without(text, names)
        after = _clean(content, names, base)
        return text if after == content else json.dumps(after, indent=2, ensure_ascii=False) + "\n"
    return _without(text, names)


def _clean(value: Any, names: Sequence[str], base: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _clean(part, names, base, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_clean(part, names, base, key) for part in value]
    if not isinstance(value, str):
        return value
    if key == BASE or key.lstrip("_") == ORIGIN:
        if not _is_path(value, names):
            return value
        return base or (None if key == BASE else "")
    return _without(value, names)


def _is_path(value: str, names: Sequence[str]) -> bool:
    return value in names or bool(re.match(r"[/~\\.]|[A-Za-z]:[\\/]|file:", value))


def _without(text: str, names: Sequence[str]) -> str:
    """`text` with the last part alone of each path that begins with one of `names`."""
    for name in names:
        if name.startswith(("/", "~")) and name in text:
            whole = "?" if name.count("/") > 1 else ""  # a text may well say /data, and mean no folder
            path = rf"(?<![\w.~/-]){re.escape(name)}(/[^\s\"'`<>|,;:)\]}}]*){whole}(?![\w-])"
            text = re.sub(path, _last_part, text)
    return text


def _last_part(found: re.Match[str]) -> str:
    return found.group().rstrip("/").rpartition("/")[2]
