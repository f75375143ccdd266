"""What a training consists of at one moment, as digests: equal digests are equal bits. Each rank reads its own part."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from callsheet.randomness.states import device_states

Named = dict[str, str]


def random_states() -> Named:
    import numpy
    import torch

    states = {"Python": _digest(repr(random.getstate()).encode())}
    states["NumPy"] = _digest(repr([*map(_listed, numpy.random.get_state(legacy=True))]).encode())
    states["torch on the CPU"] = of_tensor(torch.get_rng_state())
    for device, found in device_states(torch).items():
        states |= {f"torch on {device}:{number}": of_tensor(state) for number, state in enumerate(found)}
    return states


def modes(model: Any) -> Named:
    """Whether each module trains."""
    return {name or "the whole model": "training" if each.training else "eval" for name, each in model.named_modules()}


def weights(model: Any) -> Named:
    for module in model.modules():
        if hasattr(module, "reshard") and hasattr(module, "unshard"):
            module.reshard()  # after an evaluation, FSDP2 leaves weights whole that it holds in parts after a step
    model = getattr(model, "module", model)
    return {name: of_tensor(tensor) for name, tensor in [*model.named_parameters(), *model.named_buffers()]}


def gradients(model: Any) -> Named:
    model = getattr(model, "module", model)
    return {name: of_tensor(weight.grad) for name, weight in model.named_parameters() if weight.grad is not None}


def optimizer_state(optimizer: Any, model: Any) -> Named:
    """States and settings of the innermost optimizer, and what an engine keeps of weights there."""
    while hasattr(optimizer, "optimizer"):
        optimizer = optimizer.optimizer
    model = getattr(model, "module", model)
    names = {id(weight): name for name, weight in model.named_parameters()}
    found: Named = {}
    for number, group in enumerate(getattr(optimizer, "param_groups", ())):
        found |= {f"{key} of group {number}": _setting(value) for key, value in group.items() if key != "params"}
        for place, weight in enumerate(group["params"]):
            name = names.get(id(weight), f"part {place} of group {number}")
            if id(weight) not in names:
                found[f"weights of {name}"] = of_tensor(weight)
            found |= {f"{key} of {name}": _of(value) for key, value in optimizer.state.get(weight, {}).items()}
    return found


def scheduler_state(scheduler: Any) -> Named:
    if not hasattr(scheduler, "state_dict"):
        return {}
    return {key: json.dumps(value, default=type) for key, value in _plain(scheduler.state_dict())}


def of_tensor(tensor: Any) -> str:
    """A digest of the part that this rank holds, with its type and shape."""
    import torch

    tensor = getattr(tensor, "ds_tensor", tensor)
    tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    bits = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return _digest(f"{tensor.dtype} {[*tensor.shape]}".encode() + bits)


def _setting(value: Any) -> str:
    return str([*value] if isinstance(value, tuple) else value)  # a checkpoint of FSDP2 makes lists of tuples


def _of(value: Any) -> str:
    return of_tensor(value) if hasattr(value, "detach") else str(value)


def _plain(state: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in state.items():
        if isinstance(value, (int, float, str, bool, list, tuple, type(None))) and key != "lr_lambdas":
            yield key, [*map(_of, value)] if isinstance(value, (list, tuple)) else value


def _listed(part: Any) -> Any:
    return part.tolist() if hasattr(part, "tolist") else part


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=12).hexdigest()
