"""Entries of the outbox: one for each model from the run, and from that one for each benchmark, in the courier."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from callsheet.disk.standing import working_directory
from callsheet.model_files.adapters import BASE, base_folder
from callsheet.model_files.adapters import CONFIG as ADAPTER
from callsheet.model_files.contents import json_of
from callsheet.outbox import Outbox
from callsheet.records import LogContext
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.sources import Source

KIND = "benchmarks"
ABOUT = ("identity", "repo", "commit", "branch", "step", "checkpoint", "weights")


def put(ctx: LogContext, source: Source, benchmarks: Mapping[str, Benchmark], running: Mapping[str, Any]) -> None:
    """Put one entry for all of `benchmarks`, so that the loop links the files once; `running` says where jobs run."""
    if benchmarks:
        payload = payload_of(source, benchmarks, running)
        key = f"{source.identity}:{source.weights}:{_digest(payload['benchmarks'])}"
        with with_base(source.files, ctx.run_config, ctx.run_dir) as files:
            ctx.outbox.put(KIND, payload, files=files, key=key)


def put_each(outbox: Outbox, payload: Mapping[str, Any], files: Mapping[str, Path]) -> list[str]:
    """Put an entry for each benchmark of such a payload, once, with links of its own; returns their ids."""
    shared = {name: value for name, value in payload.items() if name != "benchmarks"}
    ids = []
    for name, settings in payload["benchmarks"].items():
        # What was measured decides, where it ran does not.
        key = f"{name}:{shared['identity']}:{shared['weights']}:{_digest(settings)}"
        ids.append(outbox.put(KIND, {"name": name, "settings": settings, **shared}, files=files, key=key))
    return ids


@contextmanager
def with_base(files: Mapping[str, Path], config: Mapping[str, Any], run_dir: Path) -> Iterator[Mapping[str, Path]]:
    """`files` with the local model below an adapter in its settings, because what was published does not name it."""
    path, base = files.get(ADAPTER), base_folder(config, run_dir)
    if path is None or base is None or not base.is_dir() or json_of(path).get(BASE) == str(base):
        yield files
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        named = Path(folder) / ADAPTER
        named.write_text(json.dumps({**json_of(path), BASE: str(base)}, indent=2) + "\n", encoding="utf-8")
        yield {**files, ADAPTER: named}


def payload_of(source: Source, benchmarks: Mapping[str, Benchmark], running: Mapping[str, Any]) -> dict[str, Any]:
    """All about one model and its benchmarks that the courier needs to know."""
    chosen = {name: asdict(benchmark) for name, benchmark in benchmarks.items()}
    about = {name: getattr(source, name) for name in ABOUT}
    return {"benchmarks": chosen, **about, "running": dict(running), "cwd": str(working_directory())}


def _digest(settings: Mapping[str, Any]) -> str:
    """Of what 0.1.0 knew, too: `options` came later, and a job without them is the same job."""
    about = {name: value for name, value in settings.items() if name != "variables" and (name != "options" or value)}
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()[:12]
