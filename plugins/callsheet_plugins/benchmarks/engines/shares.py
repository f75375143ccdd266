"""How jobs are held to a share of the memory of a GPU that they have together with the training."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.engines.contract import Work

CAPPED = Path(__file__).with_name("capped.py")
OF_VLLM = "gpu_memory_utilization"
SETTING = "plugins.benchmarks.memory_share"


def python(work: Work, *program: str) -> list[str]:
    """The command of a Python program whose own torch takes the memory."""
    held = [] if work.memory_share is None else [str(CAPPED), str(work.memory_share)]
    return [str(work.benchmark.python), *held, *program]


def of_vllm(work: Work) -> dict[str, Any]:
    """The argument of a model in vLLM, which takes most of a GPU unless it is told."""
    return {} if work.memory_share is None else {OF_VLLM: work.memory_share}


def problem(name: str, benchmark: Benchmark, share: float, backends: Collection[str]) -> str:
    """Why an engine that can hold only `backends` cannot hold this benchmark; an empty string if it can."""
    where = f"plugins.benchmarks.define.{name}"
    if benchmark.backend and benchmark.backend not in backends:
        return (
            f"{SETTING}={share} cannot hold {benchmark.engine}'s backend {benchmark.backend!r}. Use {where}.backend="
            f"{' or '.join(backends)}, or GPUs that training does not use."
        )
    own = benchmark.model_args.get(OF_VLLM)
    if own is not None and own != share:
        return f"{where}.model_args.{OF_VLLM}={own} and {SETTING}={share} are two shares. Leave the first one out."
    return ""
