"""The arithmetic of BEMA over named tensors: one moving average in float32, corrected by how far training has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Size, Tensor

CHUNK = 1 << 20


@dataclass
class Average:
    """θ₀ as the model had it, in the model's dtype, and the moving average, in float32 whatever the model's dtype."""

    theta0: dict[str, Tensor]
    ema: dict[str, Tensor]

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], device: str) -> Average:
        """Begin at `weights`, copied to `device`."""
        theta0 = {name: _copy(tensor, device) for name, tensor in weights.items()}
        return cls(theta0, {name: _copy(tensor.float(), device) for name, tensor in theta0.items()})

    def shapes(self) -> dict[str, Size]:
        return {name: tensor.shape for name, tensor in self.ema.items()}

    def update(self, weights: Mapping[str, Tensor], beta: float) -> None:
        """EMA ← EMA + β (θ - EMA)."""
        for name, ema in self.ema.items():
            blend(ema, weights[name].detach(), beta)

    def formed(self, weights: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
        """EMA + α (θ - θ₀), computed in float32 tensor by tensor, in the model's dtype."""
        return {name: self._formed(name, tensor.detach(), alpha) for name, tensor in weights.items()}

    def _formed(self, name: str, theta: Tensor, alpha: float) -> Tensor:
        theta0, ema = self.theta0[name], self.ema[name]
        correction = theta.to(ema).sub(theta0.float()).mul_(alpha)
        return correction.add_(ema).to(theta0.dtype)


def blend(average: Tensor, weights: Tensor, share: float) -> None:
    """Move `average` towards `weights` by `share`, in one pass over memory: two reads and one write an element.

    Weights of another dtype or device pass through a small buffer, never through a whole copy.
    """
    if weights.dtype == average.dtype and weights.device == average.device:
        average.lerp_(weights, share)
        return
    buffer = average.new_empty(min(CHUNK, average.numel()))
    for target, source in zip(average.view(-1).split(CHUNK), weights.reshape(-1).split(CHUNK), strict=True):
        target.lerp_(buffer[: source.numel()].copy_(source), share)


def _copy(tensor: Tensor, device: str) -> Tensor:
    return tensor.detach().to(device, copy=True).contiguous()
