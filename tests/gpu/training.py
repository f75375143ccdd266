"""A Trainer on a small model on the device under test, and the average that its weights should have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from device import device
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

import callsheet
from callsheet_plugins.bema import Bema

STEPS = 9
WHERE = ("cpu", "cuda", "auto") if device() == "cuda" else ("cpu",)  # settings of plugins.bema.device
Weights = dict[str, Tensor]


def llama(seed: int = 0, **config: Any) -> Any:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    plain = {"vocab_size": 64, "attn_implementation": "eager", **sizes}
    return LlamaForCausalLM(LlamaConfig(**{**plain, **config})).to(device())


def lora() -> Any:
    return get_peft_model(llama(), LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))


def checkpointed() -> Any:
    model = llama()
    model.gradient_checkpointing_enable()
    return model


def trainer(folder: Path, *callbacks: Any, model: Any = None, optimizer: Any = None, **arguments: Any) -> Trainer:
    """One that saves its last step; `optimizer(parameters)` makes another than AdamW."""
    model = llama() if model is None else model
    plain = {"max_steps": STEPS, "save_steps": STEPS, "per_device_train_batch_size": 4, "learning_rate": 1e-2}
    quiet = {"report_to": "none", "disable_tqdm": True, "lr_scheduler_type": "constant", "use_cpu": device() == "cpu"}
    args = TrainingArguments(str(folder), **{**quiet, **plain, **arguments})
    ids = torch.randint(0, 64, (64, 16), generator=torch.Generator().manual_seed(1))
    rows = [{"input_ids": row, "labels": row} for row in ids]
    made = (optimizer(model.parameters()) if optimizer else None, None)
    return Trainer(model, args, train_dataset=rows, eval_dataset=rows[:4], callbacks=[*callbacks], optimizers=made)


class Follow(TrainerCallback):
    """Keeps the weights of every step."""

    def __init__(self) -> None:
        self.weights: dict[int, Weights] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        named = model.named_parameters()
        self.weights[state.global_step] = {name: tensor.detach().clone() for name, tensor in named}

    on_step_end = on_train_begin


def followed(folder: Path, plugin: Bema, **arguments: Any) -> Follow:
    """Train beside `plugin`."""
    follow = Follow()
    trainer(folder, follow, *callsheet.callbacks(plugin), **arguments).train()
    return follow


def running(folder: Path, step: int = STEPS) -> Weights:
    """The float32 average that a checkpoint holds."""
    (file,) = (folder / f"checkpoint-{step}" / "callsheet" / "bema").glob("ema-*.safetensors")
    return load_file(file)


def formed(folder: Path) -> Weights:
    """The average as a model, as the run left it."""
    (file,) = (folder / "bema").glob("*model.safetensors")
    return load_file(file)


def average(plugin: Bema, weights: Mapping[int, Weights], *, corrected: bool) -> Weights:
    """The paper's average in float64, of the parameters that moved; with or without its bias correction."""
    updates = [step for step in weights if plugin.is_update(step)]
    first, last = weights[0], weights[updates[-1]]
    ema = {name: tensor.double() for name, tensor in first.items() if not torch.equal(tensor, last[name])}
    for step in updates:
        ema = {name: tensor.lerp(weights[step][name].double(), plugin.beta(step)) for name, tensor in ema.items()}
    if not corrected:
        return ema
    alpha = plugin.alpha(updates[-1])
    return {name: tensor + alpha * (last[name].double() - first[name].double()) for name, tensor in ema.items()}


def differ(ours: Weights, theirs: Weights, rename: Callable[[str], str] = str) -> float:
    """The largest difference, relative to the largest weight of the same tensor."""
    assert theirs and {rename(name) for name in theirs} == ours.keys()
    pairs = [(_plain(ours[rename(name)]), _plain(tensor)) for name, tensor in theirs.items()]
    return max(float((one - other).abs().max() / other.abs().max()) for one, other in pairs)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().double().cpu().flatten()


def identical(ours: Weights, theirs: Weights) -> bool:
    assert ours.keys() == theirs.keys() and ours
    return all(torch.equal(ours[name].cpu(), theirs[name].cpu()) for name in ours)
