"""What an average takes of the GPU's memory, beside a model of 268 million bfloat16 parameters."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

import callsheet
from callsheet_plugins.bema import Bema
from gpu.training import llama, trainer

pytestmark = pytest.mark.gpu

MB = 10**6
SIZES = {"vocab_size": 32_000, "hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 16}


class Peak(TrainerCallback):
    """The most that was allocated from the beginning of training to its last step."""

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        torch.cuda.reset_peak_memory_stats()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.bytes = torch.cuda.max_memory_allocated()


def peak(folder: Path, *plugins: Bema) -> tuple[int, int]:
    """Bytes beyond what there was before, and the model's parameters."""
    gc.collect()
    before, meter = torch.cuda.memory_allocated(), Peak()
    model = llama(**SIZES).bfloat16()
    made = trainer(
        folder, meter, *callsheet.callbacks(*plugins), model=model, bf16=True, max_steps=4, save_strategy="no"
    )
    made.train()
    return meter.bytes - before, sum(parameter.numel() for parameter in model.parameters())


def test_an_average_in_main_memory_takes_a_staging_buffer_and_one_on_the_device_a_copy(tmp_path: Path) -> None:
    bare, count = peak(tmp_path / "bare")
    beside, _ = peak(tmp_path / "cpu", Bema(update_freq=1, device="cpu"))
    on_device, _ = peak(tmp_path / "cuda", Bema(update_freq=1, device="cuda"))
    assert count > 250 * MB
    assert beside - bare <= 256 * MB
    assert 3 * count < on_device - bare <= 4 * count + 16 * MB, "one float32 copy; the peaks are at different moments"
