"""One kernel for many tensors on an NVIDIA GPU, for which nothing waits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from callsheet.blending.kernel import SOURCE
from callsheet.blending.nvrtc import cubin
from callsheet.privates.torch import load_kernel

if TYPE_CHECKING:
    from torch import Tensor, dtype

logger = logging.getLogger("callsheet")

THREADS = 256  # a block
PIECE = 1 << 15  # elements a block
COLUMNS = 4  # of the kernel's table


def kernel_for(reference: Tensor, policy: Tensor) -> Any:
    """The kernel that blends two one-dimensional tensors of these types on their device, or None.

    reference ← reference + α (policy - reference), computed in float32; with α = 1, reference ← policy.
    """
    if reference.device.type != "cuda" or policy.device != reference.device:
        return None
    return _kernel(reference.device.index, reference.dtype, policy.dtype)


class Launches:
    """Launches by number. Each is prepared when its tensors are new or lie elsewhere, and else repeated."""

    def __init__(self) -> None:
        self._known: dict[int, Launch] = {}

    def of(self, number: int, kernel: Any, pairs: Sequence[tuple[Tensor, Tensor]]) -> Launch:
        launch = self._known.get(number)
        if launch is None or not launch.is_of(kernel, pairs):
            launch = self._known[number] = Launch(kernel, pairs)
        return launch


class Launch:
    """A launch of `kernel` on tensors of one device, on the stream that is current.

    It may be repeated on that stream while the tensors lie where they are. Each call overwrites what the last returned.
    """

    def __init__(self, kernel: Any, pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
        import torch

        self._kernel, self._device = kernel, pairs[0][0].device
        self._rows, self._blocks = rows_of(pairs)
        self._table = torch.tensor(self._rows, dtype=torch.int64).pin_memory().to(self._device, non_blocking=True)
        self._squared = torch.empty(self._blocks, dtype=torch.float32, device=self._device)

    def is_of(self, kernel: Any, pairs: Sequence[tuple[Tensor, Tensor]]) -> bool:
        """Whether it would work on the memory of `pairs`."""
        return kernel is self._kernel and rows_of(pairs)[0] == self._rows

    def __call__(self, alpha: float) -> Tensor:
        """Blend; returns the squared length of the change of each block, on the device."""
        import torch

        with torch.cuda.device(self._device):
            arguments = [self._table, len(self._rows) // COLUMNS, float(alpha), self._squared]
            self._kernel(grid=(self._blocks, 1, 1), block=(THREADS, 1, 1), args=arguments)
        return self._squared


def rows_of(pairs: Sequence[tuple[Tensor, Tensor]]) -> tuple[list[int], int]:
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
        logger.info("Tensors on %s are blended without Callsheet's kernel, in several passes: %s", device, error)
        return None


def sizes() -> dict[str, str]:
    return {"THREADS": str(THREADS), "PIECE": str(PIECE)}
