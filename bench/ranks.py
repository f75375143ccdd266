"""What weights.py measures on two ranks, with the engines themselves: run by torchrun, prints one line of JSON."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from models import llama
from trl.trainer.callbacks import SyncRefModelCallback

from callsheet.sharding import Sharding, save_model
from callsheet_plugins.bema.average import formed
from callsheet_plugins.ref_sync.pairs import Pairs
from callsheet_plugins.ref_sync.plugin import sync

ROUNDS = 7
ZERO3 = {
    "train_micro_batch_size_per_gpu": 1,
    "zero_allow_untested_optimizer": True,
    "zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 10_000},
}


def zero3(model: Any, *, trains: bool) -> Any:
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4) if trains else None
    return deepspeed.initialize(model=model, config=ZERO3, optimizer=optimizer)[0].module


def fsdp2(model: Any, **_: Any) -> Any:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def theirs(policy: Any, reference: Any, alpha: float) -> None:
    """The body of TRL's sync under ZeRO-3."""
    import deepspeed

    with deepspeed.zero.GatheredParameters([*policy.parameters(), *reference.parameters()], modifier_rank=0):
        if dist.get_rank() == 0:
            SyncRefModelCallback._sync_target_model(policy, reference, alpha)


def peak(work: Callable[[], object]) -> float:
    """Megabytes that `work` takes at its highest, beyond what was held before."""
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    work()
    return memory("VmHWM") - before


def memory(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1e3


def median(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS + 1):
        dist.barrier()
        start = time.perf_counter()
        work()
        dist.barrier()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def sync_figures() -> dict[str, float]:
    policy, reference = zero3(llama(), trains=True), zero3(llama(), trains=False)
    shards = Sharding(reference, choose=lambda shard: True)
    pairs = Pairs(shards, Sharding(policy), {name: name for name in shards.chosen})
    figures = {"ours": median(lambda: sync(pairs, 0.6)), "theirs": median(lambda: theirs(policy, reference, 0.6))}
    return {
        **figures,
        "our_peak": peak(lambda: sync(pairs, 0.6)),
        "their_peak": peak(lambda: theirs(policy, reference, 0.6)),
    }


def saving_figures(engine: Callable[..., Any]) -> dict[str, float]:
    """The extra memory of rank 0 while averaged weights are formed and saved, beside what a gathered save takes."""
    model = engine(llama(), trains=True)
    sharding, folder = Sharding(model), Path(tempfile.mkdtemp())
    ema = {name: shard.read().clone() for name, shard in sharding.chosen.items()}

    def average(name: str) -> torch.Tensor | None:
        return formed(ema[name], sharding.shards[name].read(), ema[name], 0.5) if name in ema else None

    save_model(model, sharding, folder, average)  # imports, once
    streamed = peak(lambda: save_model(model, sharding, folder, average))
    shutil.rmtree(folder)
    return {"extra": streamed, "largest": max(4 * shard.shape.numel() for shard in sharding.shards.values()) / 1e6}


def main(what: str) -> None:
    torch.set_num_threads(1)
    if what.endswith("zero3"):
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
        import deepspeed

        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False  # or a compiler would be called
        deepspeed.init_distributed(dist_backend="gloo", auto_mpi_discovery=False, verbose=False)
    else:
        dist.init_process_group("gloo")
    figures = sync_figures() if what == "sync_zero3" else saving_figures(zero3 if what.endswith("zero3") else fsdp2)
    if dist.get_rank() == 0:
        print(json.dumps(figures))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
