"""The arithmetic of a sync: move reference weights towards the weights that train, and measure how far they moved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from callsheet.blending import Launches, kernel_for

if TYPE_CHECKING:
    from torch import Tensor

CACHED = 1 << 16  # elements per CPU thread: a chunk stays in its cache, so main memory is read and written once
AT_ONCE = 1 << 26  # elements on other devices: limits the size of the buffer
LAUNCHED = 1 << 26  # elements after which a kernel is launched: it works while Python gathers the next tensors


def blend_all(pairs: Iterable[tuple[Tensor, Tensor]], alpha: float, launches: Launches) -> list[Tensor]:
    """`blend` each reference with its policy, as the device does it best; all that is in the results adds up.

    `launches` are those of earlier calls with these pairs. The next call with them overwrites the results.
    """
    squared: list[Tensor] = []
    waiting: dict[Any, list[tuple[Tensor, Tensor]]] = {}
    number = 0
    for reference, policy in pairs:
        kernel = kernel_for(reference, policy)
        if kernel is None:
            squared.append(blend(reference, policy, alpha))
            continue
        batch = waiting.setdefault(kernel, [])
        batch += [(reference, policy)] if reference.numel() else []
        if sum(tensor.numel() for tensor, _ in batch) >= LAUNCHED:
            squared.append(launches.of(number, kernel, waiting.pop(kernel))(alpha))
            number += 1
    for rest, (kernel, batch) in enumerate(waiting.items(), start=number):
        if batch:
            squared.append(launches.of(rest, kernel, batch)(alpha))
    return squared


def blend(reference: Tensor, policy: Tensor, alpha: float) -> Tensor:
    """π_ref ← α π + (1 - α) π_ref, in place, computed in float32; returns the squared length of the change.

    With α = 1 the reference gets the very bits of the policy, rounded only where its type is a smaller one. Both are
    one-dimensional and on one device. The result is a float32 scalar there, so the call does not wait for it.
    """
    import torch

    cached = CACHED * torch.get_num_threads()
    size = min(cached if reference.device.type == "cpu" else AT_ONCE, max(reference.numel(), 1))
    buffer = torch.empty(size, dtype=torch.float32, device=reference.device)
    squared = [torch.zeros((), dtype=torch.float32, device=reference.device)]
    for target, source in zip(reference.split(size), policy.split(size), strict=True):
        change = _difference(source, target, buffer[: target.numel()])
        if alpha == 1:
            target.copy_(source)  # π_ref + (π - π_ref) is not π, since the difference is rounded
        else:
            target.add_(change, alpha=alpha)
        squared.append(torch.dot(change, change))
    return torch.stack(squared).sum() * alpha**2


def _difference(source: Tensor, target: Tensor, out: Tensor) -> Tensor:
    import torch

    if source.dtype == target.dtype == out.dtype:
        return torch.sub(source, target, out=out)
    return out.copy_(source).sub_(target)  # torch.sub would round a bfloat16 difference to bfloat16
