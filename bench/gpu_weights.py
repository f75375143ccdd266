"""How long an average in main memory keeps a GPU from training, by itself or as part of weights.py."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from models import llama
from rich.console import Console
from rich.table import Table

from callsheet import LogContext, LoopState
from callsheet_plugins.bema import Bema
from callsheet_plugins.bema.running import Average

ROUNDS = 9
STEPS = 8  # of training, the first of which begins with an update
SIZES = {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 16, "num_attention_heads": 16}


def offload(folder: Path) -> Table:
    """Seconds of `STEPS` steps without an average, with one in main memory, and with one that is copied at once."""
    model: Any = llama(**SIZES).cuda().bfloat16()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    ids = torch.randint(0, 32_000, (4, 1024), device="cuda")
    plugin = Bema(update_freq=1, device="cpu")
    state = LoopState(LogContext(folder / "gpu"), print, print, model=model, max_steps=10**9)
    plugin.on_train_start(state)
    plain = {name: tensor.detach().cpu().float() for name, tensor in model.named_parameters()}

    def blocking(step: int) -> None:
        for name, tensor in model.named_parameters():
            plain[name].lerp_(tensor.detach().cpu().float(), 0.1)

    updates: dict[str, Callable[[int], object]] = {
        "no average": lambda step: None,
        "Callsheet, device=cpu": lambda step: plugin.on_step_end(state, step, [], {}),
        "copied and blended at once": blocking,
    }
    taken: dict[str, list[float]] = {name: [] for name in updates}
    for number in range(1, ROUNDS + 2):
        for name, update in updates.items():
            taken[name].append(_steps(model, optimizer, ids, lambda update=update, number=number: update(number)))
            if plugin._average:
                plugin._average.settle()
    seconds = {name: statistics.median(values[1:]) for name, values in taken.items()}
    step = seconds["no average"] / STEPS
    table = Table("an update beside training on a GPU", "one step, with an update before it / without")
    for name, value in seconds.items():
        table.add_row(name, f"{(value - seconds['no average'] + step) / step:.2f}")
    table.caption = (
        f"{sum(p.numel() for p in model.parameters()) / 1e6:.0f} million bfloat16 parameters on "
        f"{torch.cuda.get_device_name()}, a step takes {step * 1e3:.0f} ms; the weights leave it at "
        f"{_leaving(plugin._average):.1f} GB/s, where one large pinned copy reaches {_bandwidth():.1f} GB/s."
    )
    return table


def _steps(model: Any, optimizer: Any, ids: Any, update: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    update()
    for _ in range(STEPS):
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def _leaving(average: Average | None) -> float:
    """GB/s of the copies of an update, from its begin until the last has arrived, on a GPU that has no other work."""
    assert average is not None
    taken = []
    for _ in range(ROUNDS):
        average.settle()
        torch.cuda.synchronize()
        start = time.perf_counter()
        average.update(0.1)
        copies = [offload._copy for offload in average.offloads.values() if offload._copy]
        for copy in copies:
            copy.wait()
        taken.append(time.perf_counter() - start)
    size = sum(tensor.nbytes for copy in copies for tensor in copy.tensors.values())
    return float(size / statistics.median(taken) / 1e9)


def _bandwidth() -> float:
    """GB/s from the device to pinned memory; what PCIe gives."""
    source = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    target = torch.empty(256 << 20, dtype=torch.uint8, pin_memory=True)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    target.copy_(source, non_blocking=True)
    start.record()
    target.copy_(source, non_blocking=True)
    end.record()
    torch.cuda.synchronize()
    return source.numel() / start.elapsed_time(end) / 1e6


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        Console(width=120).print(offload(Path(made)))
