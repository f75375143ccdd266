"""What averaging and syncing weights cost beside TRL's, and beside what this machine's memory allows.

`python bench/weights.py`; with OMP_NUM_THREADS=1 figures are steadier on a machine that has other work. Two ranks of
ZeRO-3 and FSDP2 are measured on CPUs. `bench/gpu.sh bench` measures averages and syncs on a GPU.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from models import llama
from rich.console import Console
from rich.table import Table
from timing import machine
from trl import BEMACallback
from trl.trainer.callbacks import SyncRefModelCallback

from callsheet import LogContext, LoopState
from callsheet.sharding import Sharding
from callsheet_plugins.bema import Bema
from callsheet_plugins.ref_sync.pairs import Pairs
from callsheet_plugins.ref_sync.plugin import sync

ROUNDS = 15
BYTES_PER_WEIGHT = 12  # read EMA, read θ, write EMA
UPDATES = 500

Work = Callable[[int], object]


def bema(model: Any, folder: Path, **settings: Any) -> tuple[Bema, Work]:
    plugin = Bema(update_freq=1, **settings)
    state = LoopState(LogContext(folder), print, print, model=model, max_steps=10**9)
    plugin.on_train_start(state)
    return plugin, lambda step: plugin.on_step_end(state, step, [], {})


def trl_bema(model: Any) -> tuple[Any, Work]:
    callback: Any = BEMACallback(update_freq=1)
    callback.on_train_begin(None, None, None, model=model)
    return callback, lambda step: callback.on_step_end(None, SimpleNamespace(global_step=step), None, model=model)


def memory_passes(count: int) -> tuple[Work, Work]:
    """A copy, and one pass with the traffic of an update: two reads and a write a weight, in one piece."""
    source, target = torch.ones(count), torch.ones(count)
    return lambda step: target.copy_(source), lambda step: target.lerp_(source, 0.1)


def medians(*works: Work) -> list[float]:
    """Seconds a call, each round calling one after the other, so that a slow moment of the machine hits all alike."""
    seconds: list[list[float]] = [[] for _ in works]
    for step in range(1, ROUNDS + 3):
        for work, taken in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work(step)
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken[2:]) for taken in seconds]


def row(table: Table, name: str, form: str, ours: float, theirs: float) -> None:
    table.add_row(name, form.format(ours), form.format(theirs), f"{theirs / ours:.1f}")


def megabytes(tensors: Any) -> float:
    return float(sum(tensor.nbytes for tensor in tensors) / 1e6)


def update(table: Table, folder: Path) -> None:
    model = llama()
    count = sum(parameter.numel() for parameter in model.parameters())
    plugin, ours = bema(model, folder)
    callback, theirs = trl_bema(model)
    our_time, their_time, copy_time, pass_time = medians(ours, theirs, *memory_passes(count))
    bandwidth = 8 * count / copy_time  # a copy reads and writes 4 bytes a weight
    allowed = BYTES_PER_WEIGHT * count / bandwidth
    average = plugin._average
    assert average is not None
    held = megabytes(average.ema.values()), megabytes([*callback.ema_params, *callback.running_model.parameters()])
    copies = [size * 1e6 / 4 / count for size in (held[0], held[1] + megabytes(callback.theta0_params))]
    table.add_row(
        "BEMA update", f"{our_time * 1e3:.0f} ms", f"{their_time * 1e3:.0f} ms", f"{their_time / our_time:.1f}"
    )
    table.add_row("  / what a copy's bandwidth allows", f"{our_time / allowed:.2f}", f"{their_time / allowed:.2f}", "")
    table.add_row("  / one flat lerp_", f"{our_time / pass_time:.2f}", f"{their_time / pass_time:.2f}", "")
    table.add_row("  fp32 copies held", f"{copies[0]:.2f}", f"{copies[1]:.2f}", f"{copies[1] / copies[0]:.1f}")
    table.caption = (
        f"{count / 1e6:.1f} million float32 parameters, {torch.get_num_threads()} threads, median of {ROUNDS} rounds, "
        f"{machine()}. Copying at {bandwidth / 1e9:.1f} GB/s allows {BYTES_PER_WEIGHT} bytes a parameter in "
        f"{allowed * 1e3:.0f} ms."
    )


def bfloat16(table: Table, folder: Path) -> None:
    """The error of the average of a bfloat16 model, against float64 on the same weights."""
    walk = torch.randn(256, 256, dtype=torch.float64)
    model: Any = torch.nn.ParameterDict({"w": torch.nn.Parameter(walk.bfloat16())})
    model.save_pretrained = model.config = None
    plugin, ours = bema(model, folder / "bfloat16")
    theirs = [model["w"].detach().clone()]
    reference = theirs[0].double()
    for step in range(1, UPDATES + 1):
        walk += 1e-3 * torch.randn_like(walk)
        model["w"].data.copy_(walk)
        ours(step)
        beta = plugin.beta(step)
        theirs[0].mul_(1 - beta).add_(model["w"].data, alpha=beta)  # TRL's _update_ema_weights
        reference.lerp_(model["w"].data.double(), beta)
    assert plugin._average is not None
    errors = [
        float((average.double().view_as(reference) - reference).norm() / reference.norm())
        for average in (plugin._average.ema["w"], theirs[0])
    ]
    table.add_row(
        f"error in bfloat16, {UPDATES} updates", *(f"{e:.0e}" for e in errors), f"{errors[1] / errors[0]:.0e}"
    )


def reference_sync(table: Table) -> None:
    policy, reference = llama(), llama()
    shards = Sharding(reference, choose=lambda shard: True)
    pairs = Pairs(shards, Sharding(policy), {name: name for name in shards.chosen})
    weights = [(target.live(), source.read()) for target, source in pairs]
    ours, theirs, bare = medians(
        lambda step: sync(pairs, 0.6),
        lambda step: SyncRefModelCallback._sync_target_model(policy, reference, 0.6),
        lambda step: [target.lerp_(source, 0.6) for target, source in weights],
    )
    row(table, "reference sync", "{:.0f} ms", ours * 1e3, theirs * 1e3)
    table.add_row("  / a lerp_ that measures nothing", f"{ours / bare:.2f}", f"{theirs / bare:.2f}", "")


def two_ranks(table: Table) -> None:
    found = on_two_ranks("sync_zero3")
    row(table, "reference sync, ZeRO-3, two ranks", "{:.0f} ms", found["ours"] * 1e3, found["theirs"] * 1e3)
    table.add_row("  memory on top, a rank", *(f"{found[peak]:.1f} MB" for peak in ("our_peak", "their_peak")), "")
    for engine in ("zero3", "fsdp2"):
        found = on_two_ranks(f"save_{engine}")
        ratio = found["extra"] / found["largest"]
        said = f"{found['extra']:.0f} MB = {ratio:.1f} × its largest tensor"
        table.add_row(f"saving the average, {engine}, rank 0", said, "not possible", "")


def on_two_ranks(what: str) -> dict[str, float]:
    script = str(Path(__file__).with_name("ranks.py"))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", script, what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    table = Table("", "Callsheet", "TRL", "TRL / Callsheet")
    with tempfile.TemporaryDirectory() as folder:
        update(table, Path(folder))
        bfloat16(table, Path(folder))
        reference_sync(table)
        two_ranks(table)
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
