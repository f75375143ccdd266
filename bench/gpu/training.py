"""A Trainer on 953 million bfloat16 parameters, in short trainings that take turns, and what each step of them took."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

SIZES = {"vocab_size": 32_000, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 16}
HEADS = {"num_attention_heads": 16, "num_key_value_heads": 16}
ROWS, LENGTH, BATCH = 64, 1024, 4
WARM_UP = 3  # steps at the beginning of a training, which count nowhere


def llama() -> Any:
    torch.manual_seed(0)
    with torch.device("cuda"):
        return LlamaForCausalLM(LlamaConfig(**SIZES, **HEADS)).bfloat16()


class Rows(Dataset):  # type: ignore[type-arg]
    """Made beforehand, so that no step waits for one."""

    def __init__(self) -> None:
        ids = torch.randint(0, SIZES["vocab_size"], (ROWS, LENGTH), generator=torch.Generator().manual_seed(1))
        self.rows = [{"input_ids": row, "labels": row} for row in ids]

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        return self.rows[number % ROWS]


@dataclass
class Steps:
    """One training. `gaps` are the milliseconds from step to step on the GPU; gaps[0] is that of step 1."""

    gaps: list[float]
    device_memory: int  # bytes at most, beyond those from before the training
    main_memory: dict[str, int]  # bytes before the last step
    saves: list[float] = field(default_factory=list)  # milliseconds that the Trainer's own saves took

    def between(self, first: int, last: int) -> list[float]:
        return self.gaps[first - 1 : last]


class Clock(TrainerCallback):
    """Marks each step on the stream that trains: an event does not wait, so what runs beside the step goes on."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.main_memory: dict[str, int] = {}

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == args.max_steps - 1:
            self.main_memory = main_memory()
        self._mark()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == args.max_steps:
            self._mark()
            self.most = torch.cuda.max_memory_allocated()

    def _mark(self) -> None:
        self.events.append(torch.cuda.Event(enable_timing=True))
        self.events[-1].record()

    def gaps(self) -> list[float]:
        torch.cuda.synchronize()
        return [one.elapsed_time(other) for one, other in zip(self.events, self.events[1:], strict=False)]


class Timed(Trainer):
    """Notes how long its own saves take; what a host does comes after them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.saves: list[float] = []

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        torch.cuda.synchronize()
        start = time.perf_counter()
        super()._save_checkpoint(*args, **kwargs)
        self.saves.append(1e3 * (time.perf_counter() - start))


def train(model: Any, callbacks: Sequence[Any], steps: int, **arguments: Any) -> Steps:
    """Train `model`, which keeps nothing of it but other weights."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before, clock = torch.cuda.memory_allocated(), Clock()
    plain = {"save_strategy": "no", "logging_steps": 1000, "learning_rate": 1e-5, "optim": "adamw_torch_fused"}
    quiet = {"report_to": "none", "disable_tqdm": True, "max_steps": steps, "per_device_train_batch_size": BATCH}
    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments(str(Path(folder) / "run"), bf16=True, **{**plain, **quiet, **arguments})
        made = Timed(model=model, args=args, train_dataset=Rows(), callbacks=[*callbacks, clock])
        made.train()
    model.zero_grad(set_to_none=True)
    made.optimizer.state.clear()  # whatever still knows this Trainer
    for wrapped in ("forward", "_original_forward"):  # accelerate wraps it again for the next Trainer
        model.__dict__.pop(wrapped, None)
    return Steps(clock.gaps(), clock.most - before, clock.main_memory, made.saves)


def main_memory() -> dict[str, int]:
    """Bytes that this process holds outside of files, that torch has pinned, and that the machine has left."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    machine = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    pinned = torch.cuda.host_memory_stats() if hasattr(torch.cuda, "host_memory_stats") else {}
    return {
        "held": sum(1024 * int(status[name].split()[0]) for name in ("RssAnon", "RssShmem")),
        "pinned": int(pinned.get("allocated_bytes.current", 0)),
        "left": 1024 * int(machine["MemAvailable"].split()[0]),
    }


def mean(parts: Sequence[Sequence[float]]) -> float:
    return statistics.mean(gap for part in parts for gap in part)


def median(parts: Sequence[Sequence[float]]) -> float:
    return statistics.median(gap for part in parts for gap in part)
