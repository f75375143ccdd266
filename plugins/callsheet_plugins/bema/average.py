"""The arithmetic of BEMA on this rank's part of the tensors: a moving average in float32, and its bias correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1 << 20

Ema = dict[str, "Tensor"]


def begun(weights: Tensor, device: str) -> Tensor:
    """Start an average at `weights`: return a float32 copy on `device`."""
    import torch

    return weights.detach().to(device, torch.float32, copy=True)


def formed(ema: Tensor, theta: Tensor, theta0: Tensor, alpha: float) -> Tensor:
    """EMA + α (θ - θ₀), in float32 on the average's device."""
    correction = theta.detach().to(ema).sub(theta0.to(ema)).mul_(alpha)
    return correction.add_(ema)


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
