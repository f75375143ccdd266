"""Entries of the outbox: one for each model from the run, and from that one for each benchmark, in the courier."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from callsheet.outbox import Job, Outbox
from callsheet.records import LogContext
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.sources import Source

KIND = "benchmarks"
ABOUT = ("identity", "repo", "commit", "branch", "step", "checkpoint", "weights")


def put(ctx: LogContext, source: Source, benchmarks: Mapping[str, Benchmark], running: Mapping[str, Any]) -> None:
    """Put one entry for all of `benchmarks`, so that the loop links the files once; `running` says where jobs run."""
    chosen = {name: asdict(benchmark) for name, benchmark in benchmarks.items()}
    if chosen:
        about = {"benchmarks": chosen, **_about(source), "running": dict(running), "cwd": os.getcwd()}
        ctx.outbox.put(KIND, about, files=source.files, key=f"{source.identity}:{source.weights}:{_digest(chosen)}")


def split(job: Job) -> list[str]:
    """In the courier: put an entry for each benchmark, once, with links of its own; returns their ids."""
    outbox, shared = Outbox(job.run_dir), {name: job.payload[name] for name in (*ABOUT, "running", "cwd")}
    ids = []
    for name, settings in job.payload["benchmarks"].items():
        # What was measured decides, where it ran does not.
        key = f"{name}:{shared['identity']}:{shared['weights']}:{_digest(settings)}"
        payload = {"name": name, "settings": settings, **shared}
        ids.append(outbox.put(KIND, payload, files=job.files, key=key))
    return ids


def _about(source: Source) -> dict[str, Any]:
    return {name: getattr(source, name) for name in ABOUT}


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:12]
