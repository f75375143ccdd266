"""How near a sync of the reference comes to what the card's memory allows; and what the card allows."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from trl.trainer.callbacks import SyncRefModelCallback

from callsheet import LogContext, LoopState
from callsheet_plugins.ref_sync import RefSync
from gpu import card
from gpu.table import Row, at_most, write
from gpu.training import llama

ROUNDS = 15
BYTES = 6  # of a bfloat16 parameter: the reference read and written, the policy read


def milliseconds(work: Callable[[int], object]) -> float:
    """The median, as the loop waits for it."""
    taken = []
    for step in range(1, ROUNDS + 4):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work(step)
        torch.cuda.synchronize()
        taken.append(1e3 * (time.perf_counter() - start))
    return statistics.median(taken[3:])


def rows() -> Iterator[Row]:
    copying = card.copying()
    out, back, both = card.leaving_and_coming()
    pcie = f"{out / 1e9:.1f} GB/s out, {back / 1e9:.1f} back, {both / 1e9:.1f} each way at once"
    yield Row("the card: copying; pinned memory", f"{copying / 1e12:.2f} TB/s; {pcie}")
    policy, reference = llama(), llama()
    count = sum(parameter.numel() for parameter in policy.parameters())
    allowed = 1e3 * BYTES * count / copying
    ours = milliseconds(syncing(policy, reference))
    theirs = milliseconds(lambda step: SyncRefModelCallback._sync_target_model(policy, reference, 0.6))
    beside = f"{ours:.2f} ms; TRL {theirs / allowed:.2f}"
    yield at_most("sync of the reference / what copying allows", ours / allowed, 1.3, "{:.2f}", beside)


def syncing(policy: Any, reference: Any) -> Callable[[int], object]:
    """A sync as the plugin does it at every step."""
    plugin, folder = RefSync(ref_model_sync_steps=1, ref_model_mixup_alpha=0.6), Path(tempfile.gettempdir())
    trainer: Any = SimpleNamespace(ref_model=reference)
    state = LoopState(LogContext(folder), print, print, model=policy, trainer=trainer, later=lambda values: None)
    plugin.on_train_start(state)
    return lambda step: plugin.on_step_end(state, step, [], {})


if __name__ == "__main__":
    write(rows)
