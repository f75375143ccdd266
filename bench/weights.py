"""What one BEMA update costs beside TRL's, and beside what this machine's memory allows: `python bench/weights.py`.

On a machine that has other work, OMP_NUM_THREADS=1 gives steadier figures: threads then do not wait for each other.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from transformers import LlamaConfig, LlamaForCausalLM
from trl import BEMACallback

from callsheet import LogContext, LoopState
from callsheet_plugins.bema import Bema

ROUNDS = 15
BYTES_PER_WEIGHT = 12  # read EMA, read θ, write EMA


def llama() -> LlamaForCausalLM:
    """58.7 million float32 parameters, embeddings and head apart."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=32_000, hidden_size=512, intermediate_size=1424, num_hidden_layers=8, num_attention_heads=8
        )
    )


def ours(model: Any) -> tuple[Bema, Callable[[int], None]]:
    plugin = Bema(update_freq=1)
    state = LoopState(LogContext(Path("/nonexistent")), print, print, rank=1, model=model, max_steps=10**9)
    plugin.on_train_start(state)
    return plugin, lambda step: plugin.on_step_end(state, step, [], {})


def theirs(model: Any) -> tuple[Any, Callable[[int], None]]:
    callback: Any = BEMACallback(update_freq=1)
    callback.on_train_begin(None, None, None, model=model)
    return callback, lambda step: callback.on_step_end(None, SimpleNamespace(global_step=step), None, model=model)


def memory(count: int) -> tuple[Callable[[int], None], Callable[[int], None]]:
    """A copy, and one pass with the traffic of an update: two reads and a write a weight, in one piece."""
    source, target = torch.ones(count), torch.ones(count)

    def copy(step: int) -> None:
        target.copy_(source)

    def add(step: int) -> None:
        target.add_(source)

    return copy, add


def medians(*works: Callable[[int], None]) -> list[float]:
    """Seconds a call, each round calling one after the other, so that a slow moment of the machine hits all alike."""
    seconds: list[list[float]] = [[] for _ in works]
    for step in range(1, ROUNDS + 3):
        for work, taken in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work(step)
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken[2:]) for taken in seconds]


def megabytes(tensors: Any) -> float:
    return sum(tensor.nbytes for tensor in tensors) / 1e6


def main() -> None:
    model = llama()
    count = sum(parameter.numel() for parameter in model.parameters())
    plugin, our_update = ours(model)
    callback, their_update = theirs(model)
    our_time, their_time, copy_time, pass_time = medians(our_update, their_update, *memory(count))
    bandwidth = 8 * count / copy_time  # a copy reads and writes 4 bytes a weight
    allowed = BYTES_PER_WEIGHT * count / bandwidth
    average = plugin._average
    assert average is not None
    one_copy = 4 * count / 1e6
    our_memory = megabytes(average.ema.values())
    their_memory = megabytes(callback.ema_params) + megabytes(callback.running_model.parameters())
    table = Table("one BEMA update", "Callsheet", "TRL", "TRL / Callsheet")
    table.add_row("time", f"{our_time * 1e3:.0f} ms", f"{their_time * 1e3:.0f} ms", f"{their_time / our_time:.1f}")
    table.add_row("time / one pass", f"{our_time / pass_time:.2f}", f"{their_time / pass_time:.2f}", "")
    table.add_row(
        "copies beyond θ₀", f"{our_memory / one_copy:.2f}", f"{their_memory / one_copy:.2f}",
        f"{their_memory / our_memory:.1f}",
    )  # fmt: skip
    Console().print(table)
    print(
        f"{count / 1e6:.1f} million float32 parameters, {torch.get_num_threads()} threads, median of {ROUNDS} rounds."
    )
    print(
        f"Copying at {bandwidth / 1e9:.1f} GB/s allows {BYTES_PER_WEIGHT} bytes a parameter in {allowed * 1e3:.0f} ms."
    )
    print(f"One pass over two arrays, the traffic of an update, takes {pass_time * 1e3:.0f} ms.")


if __name__ == "__main__":
    main()
