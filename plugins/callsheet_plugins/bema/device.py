"""What `device` may be, told without torch: a composition and `callsheet check` import this."""

from __future__ import annotations

import re

from callsheet.errors import CallsheetError, did_you_mean

AUTO = "auto"
KINDS = (AUTO, "cpu", "cuda", "xpu", "npu", "mps")
DEVICE = re.compile(rf"{AUTO}|({'|'.join(KINDS[1:])})(:\d+)?")


def problem_with_device(device: str) -> str:
    """Why `device` cannot hold the average, or an empty string; found without torch."""
    kind = device.partition(":")[0].replace("gpu", "cuda")
    if not DEVICE.fullmatch(device):
        return (
            f"is no device; use auto, cpu, or cuda for the GPU that each process trains on.{did_you_mean(kind, KINDS)}"
        )
    return ""


def refuse_a_device_that_is_missing(device: str) -> None:
    """Raise `CallsheetError` if this machine lacks `device`. Preflight cannot tell: it may run on another machine."""
    import torch

    if device == AUTO:
        return
    kind = device.partition(":")[0]
    module = getattr(torch, kind, None)  # torch.npu exists only with a package of its own
    if module is None or not module.is_available():
        raise CallsheetError(f"plugins.bema.device={device} needs a device that torch does not see here. Use cpu.")
