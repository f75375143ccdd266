"""What a run needs to be the same around it: settings of the process, of torch, of the model and of the tokenizer."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

LOGGERS = ("root", "callsheet", "transformers", "trl", "datasets", "accelerate")
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD")
OF_PYTEST = "PYTEST_CURRENT_TEST"
TOKENIZER = ("padding_side", "truncation_side", "pad_token", "eos_token", "chat_template", "model_max_length")
VARIABLE = "the environment variable "  # whose values nobody shall read in a report


def of_process() -> dict[str, str]:
    """Working directory, environment, signal handlers and levels of loggers."""
    found = {"the working directory": os.getcwd()}
    found |= {f"{VARIABLE}{name}": value for name, value in os.environ.items() if name != OF_PYTEST}
    for name in SIGNALS:
        handler = signal.getsignal(getattr(signal, name))
        found[f"the handler of {name}"] = str(getattr(handler, "__qualname__", handler))
    for name in LOGGERS:
        found[f"the level of the logger {name}"] = str(logging.getLogger(name).level)
    return found


def of_torch() -> dict[str, str]:
    """What torch computes with, beside the tensors."""
    import torch

    cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
    found: dict[str, Any] = {
        "torch's default dtype": torch.get_default_dtype(),
        "torch's default device": torch.get_default_device(),
        "torch's grad mode": torch.is_grad_enabled(),
        "torch's inference mode": torch.is_inference_mode_enabled(),
        "torch's autocast": torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"),
        "torch's anomaly mode": torch.is_anomaly_enabled(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch's precision of float32 products": torch.get_float32_matmul_precision(),
        "torch's number of threads": torch.get_num_threads(),
        "cudnn.deterministic": cudnn.deterministic,
        "cudnn.benchmark": cudnn.benchmark,
        "torch's flash attention": cuda.flash_sdp_enabled(),
        "torch's memory-efficient attention": cuda.mem_efficient_sdp_enabled(),
        "torch's plain attention": cuda.math_sdp_enabled(),
    }
    return {name: str(value) for name, value in found.items()}


def of_model(model: Any, tokenizer: Any) -> dict[str, str]:
    """Configurations, which parameters train, and how the tokenizer pads and cuts."""
    model = getattr(model, "module", model)
    found = {f"requires_grad of {name}": str(weight.requires_grad) for name, weight in model.named_parameters()}
    for name in ("config", "generation_config"):
        if (config := getattr(model, name, None)) is not None:
            found |= {f"{name}.{key} of the model": str(value) for key, value in config.to_dict().items()}
    for name in TOKENIZER:
        if hasattr(tokenizer, name):
            found[f"the tokenizer's {name}"] = str(getattr(tokenizer, name))
    return found
