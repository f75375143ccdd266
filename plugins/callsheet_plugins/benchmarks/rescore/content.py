"""Names a model folder by what it holds, so that its scores are found again, wherever it lies and under any name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from callsheet.model_files.adapters import BASE
from callsheet.model_files.adapters import CONFIG as ADAPTER
from callsheet.model_files.contents import Damaged, json_of
from callsheet.outbox import Hashes
from callsheet.records import ManifestRow
from callsheet_plugins.benchmarks.sources import files_of

# These may change without a change of any answer.
TALK = (
    "*.md",
    "LICENSE*",
    "NOTICE*",
    "*.jsonl",
    "*.csv",
    "*.log",
    "*.png",
    "*_results.json",
    "run.json",
    "config.yaml",
)
DIGITS = 40


def content_of(folder: Path, hashes: Hashes) -> str:
    """A hash over all files that answers depend on, in the form of a commit; of an adapter, its base is among them."""
    files = {name: path for name, path in files_of(folder).items() if not any(path.match(talk) for talk in TALK)}
    found = {name: hashes.of(path) for name, path in files.items() if name != ADAPTER}
    if ADAPTER in files:
        found[ADAPTER] = _adapter(files[ADAPTER], hashes)
    return hashlib.sha256(json.dumps(sorted(found.items())).encode()).hexdigest()[:DIGITS]


def differs(row: ManifestRow, files: Mapping[str, Path], hashes: Hashes) -> bool:
    """Whether any of the `files` of a checkpoint is another one than its run wrote down."""
    for path in files.values():
        record = row.files.get(str(path.relative_to(row.path))) if path.is_relative_to(row.path) else None
        if record and (record.size != path.stat().st_size or (record.sha256 and record.sha256 != hashes.of(path))):
            return True
    return False


def _adapter(path: Path, hashes: Hashes) -> str:
    """The adapter's settings, with the content of its base in place of the path, which may have moved."""
    try:
        settings = dict(json_of(path))
        base = Path(str(settings[BASE])).expanduser()
        if base.is_dir() and base.resolve() != path.parent.resolve():
            settings[BASE] = content_of(base, hashes)
        return json.dumps(settings, sort_keys=True)
    except (OSError, Damaged, ValueError, LookupError):
        return hashes.of(path)
