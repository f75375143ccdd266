"""One outbox entry for each model and benchmark: its payload, and the key that makes it one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from callsheet.records import LogContext
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.sources import Source

KIND = "benchmarks"


def put(
    ctx: LogContext, source: Source, benchmarks: Mapping[str, Benchmark], running: Mapping[str, Any]
) -> dict[str, str]:
    """Put a job for each of `benchmarks` into the outbox, once; `running` says where it runs. Returns their ids."""
    return {name: _put(ctx, source, name, benchmark, running) for name, benchmark in benchmarks.items()}


def _put(ctx: LogContext, source: Source, name: str, benchmark: Benchmark, running: Mapping[str, Any]) -> str:
    settings = asdict(benchmark)
    payload = {
        "name": name,
        "settings": settings,
        **{"repo": source.repo, "commit": source.commit, "branch": source.branch},
        **{"step": source.step, "checkpoint": source.checkpoint, "weights": source.weights},
        "running": dict(running),
        "cwd": os.getcwd(),
    }
    # What was measured decides, where it ran does not.
    key = f"{name}:{source.identity}:{source.weights}:{_digest(settings)}"
    return ctx.outbox.put(KIND, payload, files=source.files, key=key)


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:12]
