"""The arithmetic of BEMA on this rank's part of the tensors: a moving average in float32, and its bias correction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1 << 20
SERIAL = (1 << 15) - 1  # elements up to which torch takes no second core

Ema = dict[str, "Tensor"]


def begun(weights: Tensor, device: str) -> Tensor:
    """Start an average at `weights`: return a float32 copy on `device`."""
    import torch

    return weights.detach().to(device, torch.float32, copy=True)


def formed(ema: Tensor, theta: Tensor, theta0: Tensor, alpha: float, device: Any = "cpu", size: int = CHUNK) -> Tensor:
    """EMA + α (θ - θ₀) in float32, computed on `device` a chunk at a time; on the average's device."""
    import torch

    result = torch.empty_like(ema)
    with torch.no_grad():
        parts = zip(*(tensor.split(size) for tensor in (result, ema, theta, theta0)), strict=True)
        for out, running, now, then in parts:
            correction = now.to(device, torch.float32).sub(then.to(device, torch.float32)).mul_(alpha)
            out.copy_(correction.add_(running.to(device)))
    return result


def blend(average: Tensor, weights: Tensor, share: float) -> None:
    """Move `average` towards `weights` by `share`, in one pass over memory: two reads and one write per element.

    Weights of another dtype or device go through a small buffer; a whole copy is never made.
    """
    if weights.dtype == average.dtype and weights.device == average.device:
        average.lerp_(weights, share)
        return
    buffer = average.new_empty(min(CHUNK, average.numel()))
    for target, source in zip(average.view(-1).split(CHUNK), weights.reshape(-1).split(CHUNK), strict=True):
        target.lerp_(buffer[: source.numel()].copy_(source), share)
