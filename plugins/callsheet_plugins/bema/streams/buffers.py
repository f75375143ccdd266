"""Main memory that a GPU reads and writes by itself, while the processor does other work."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class Buffer:
    """`size` bytes of main memory. `is_pinned` says whether the system locked them for `device`.

    Where it did not (a limit on locked memory, a container), copies are as right, and keep the loop waiting.
    PyTorch's own pinned memory is not used: it takes the next power of two, here up to twice the size of an average.
    """

    def __init__(self, size: int, device: Any) -> None:
        import torch

        self._bytes = torch.empty(size, dtype=torch.uint8)
        self.is_pinned = _lock(self._bytes, device)
        if self.is_pinned:
            # Before the memory is freed: what the driver still calls locked could be somebody else's by then.
            weakref.finalize(self, _unlock, self._bytes.data_ptr()).atexit = False

    def part(self, start: int, length: int, dtype: Any) -> Tensor:
        """`length` elements of `dtype`, from byte `start`, which must be a multiple of its size."""
        return self._bytes.narrow(0, start, length * dtype.itemsize).view(dtype)


def _lock(tensor: Tensor, device: Any) -> bool:
    import torch

    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        code = torch.cuda.cudart().cudaHostRegister(tensor.data_ptr(), tensor.nbytes, 0)
        if int(code) == 0:
            return True
        with suppress(RuntimeError):  # the error stays until something asks for it, as the next kernel would
            torch.zeros(1, device=device)
    return False


def _unlock(address: int) -> None:
    import torch

    torch.cuda.cudart().cudaHostUnregister(address)
