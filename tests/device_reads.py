"""Notices when code of Callsheet reads what a tensor holds: on a GPU, it would wait there for the device."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

ROOT = Path(__file__).parents[1]
TORCH = str(Path(torch.__file__).parent)
READING = {"item", "tolist", "cpu", "numpy", "equal", "allclose", "nonzero", "is_nonzero", "unique", "masked_select"}
READING |= {"__bool__", "__float__", "__int__", "__index__", "__array__", "__contains__", "__format__", "__repr__"}
ON_CPU = "resuming/randomness.py"  # random numbers of the CPU, which are there


class Reads(TorchFunctionMode):
    """`found` has the file and line of each read, while this is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        moves = func.__name__ == "to" and "cpu" in {str(value) for value in (*args[1:], *kwargs.values())}
        if func.__name__ in READING or moves:
            self._note(sys._getframe(1))
        return func(*args, **kwargs)

    def _note(self, frame: Any) -> None:
        while frame.f_code.co_filename.startswith(TORCH):
            frame = frame.f_back
        file = frame.f_code.co_filename
        if file.startswith((f"{ROOT}/core/", f"{ROOT}/plugins/")) and not file.endswith(ON_CPU):
            self.found.append(f"{Path(file).relative_to(ROOT)}:{frame.f_lineno}")
