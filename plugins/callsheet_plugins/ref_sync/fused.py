"""A sync on an NVIDIA GPU: one kernel for many tensors, at the speed of its memory, for which nothing waits."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from callsheet.privates.torch import load_kernel
from callsheet_plugins.ref_sync.kernel import SOURCE
from callsheet_plugins.ref_sync.nvrtc import cubin

if TYPE_CHECKING:
    from torch import Tensor, dtype

logger = logging.getLogger("callsheet")

THREADS = 256  # a block
PIECE = 1 << 15  # elements a block


def kernel_for(reference: Tensor, policy: Tensor) -> Any:
    """The kernel that blends two one-dimensional tensors of these types on their device, or None."""
    if reference.device.type != "cuda":
        return None
    return _kernel(reference.device.index, reference.dtype, policy.dtype)


class Batch:
    """Tensors of one kernel that wait for its launch."""

    def __init__(self, kernel: Any) -> None:
        self.elements = 0
        self._kernel = kernel
        self._pairs: list[tuple[Tensor, Tensor]] = []

    def add(self, reference: Tensor, policy: Tensor) -> None:
        if reference.numel():
            self._pairs.append((reference, policy))
            self.elements += reference.numel()

    def launch(self, alpha: float) -> Tensor:
        """Blend them; returns the squared length of the change of each block, on the device."""
        import torch

        device = self._pairs[0][0].device
        rows, blocks = rows_of(self._pairs)
        table = torch.tensor(rows, dtype=torch.int64).pin_memory().to(device, non_blocking=True)
        squared = torch.empty(blocks, dtype=torch.float32, device=device)
        with torch.cuda.device(device):
            arguments = [table, len(self._pairs), float(alpha), squared]
            self._kernel(grid=(blocks, 1, 1), block=(THREADS, 1, 1), args=arguments)
        self._pairs, self.elements = [], 0
        return squared


def rows_of(pairs: list[tuple[Tensor, Tensor]]) -> tuple[list[int], int]:
    """The table that the kernel reads, and the number of blocks that it takes."""
    rows, blocks = [], 0
    for reference, policy in pairs:
        rows += [reference.data_ptr(), policy.data_ptr(), reference.numel(), blocks]
        blocks += -(-reference.numel() // PIECE)
    return rows, blocks


@cache
def _kernel(device: int, reference: dtype, policy: dtype) -> Any:
    import torch

    names = {torch.float32: "float", torch.bfloat16: "bfloat16"}
    if reference not in names or policy not in names:
        return None
    types = {"REFERENCE": names[reference], "POLICY": names[policy]}
    try:
        code = cubin(SOURCE, torch.cuda.get_device_capability(device), sizes() | types)
        with torch.cuda.device(device):
            return load_kernel(code, "blend")
    except (OSError, RuntimeError, AttributeError) as error:  # no NVIDIA GPU, no NVRTC, a driver too old for its code
        logger.info("ref_sync blends without its own kernel, in several passes: %s", error)
        return None


def sizes() -> dict[str, str]:
    return {"THREADS": str(THREADS), "PIECE": str(PIECE)}
