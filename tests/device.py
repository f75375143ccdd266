"""Where tests/gpu trains: on the GPU of this machine, or nowhere."""

from __future__ import annotations

import os

from callsheet.process.machine import gpus


def device() -> str:
    """`cuda`, or an empty string where there is no GPU, so that tests/gpu is not collected.

    With CALLSHEET_TESTS_DEVICE=cpu it is `cpu`: all of tests/gpu runs that does not need a GPU, to try the tests themselves.
    """
    if (asked := os.environ.get("CALLSHEET_TESTS_DEVICE")) is not None:
        return asked
    if not gpus():
        return ""
    import torch

    return "cuda" if torch.cuda.is_available() else ""
