"""A checkpoint whose files hold something else than a Trainer saved there, said in a sentence where it is loaded."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

from callsheet.errors import CallsheetError, PluginFailure, first_line
from callsheet.privates.transformers import LOADERS

UNPICKLED = "torch.load with weights_only=True finds no tensors and plain values in it"  # torch advises to trust it
GLOBAL = re.compile(r"GLOBAL ([\w.]+)")  # torch 2.13, serialization.py: what it refuses to import
OURS = {"restore_memory": "memory of the trainer (callsheet/_trainer)"}  # of the bridge
NO_FAULT_OF_THE_FILE = ("OutOfMemoryError", "DistBackendError", "DistNetworkError", "DistStoreError")  # of torch


@contextmanager
def explained(checkpoint: Path | None) -> Iterator[None]:
    """Wraps the training that resumes from `checkpoint`. Raises `CallsheetError` for what cannot be loaded of it.

    What training raises after that stays as it is, and so does what the system refuses.
    """
    try:
        yield
    except Exception as error:
        if checkpoint is None or not (part := _what_was_loaded(error)):
            raise
        said = (
            _unpickled(error) if isinstance(error, UnpicklingError) else f"{type(error).__name__}: {first_line(error)}"
        )
        offer = "Set resume= to an earlier checkpoint, or copy this one again."
        raise CallsheetError(
            f"{checkpoint} cannot be resumed from: its {part} cannot be loaded ({said.rstrip('.')}). {offer}"
        ) from error


def _unpickled(error: UnpicklingError) -> str:
    """What torch finds in a file that holds no tensors: code, which it did not run, or nothing that it can read."""
    code = GLOBAL.search(str(error))
    return f"it holds code, {code.group(1)}, which was not run: resume only what you trust" if code else UNPICKLED


def _what_was_loaded(error: Exception) -> str:
    """Which part of the checkpoint was being loaded when `error` was raised; empty if none was."""
    if isinstance(error, (CallsheetError, PluginFailure, OSError, MemoryError)):
        return ""
    if type(error).__name__ in NO_FAULT_OF_THE_FILE:
        return ""
    called = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((part for name, part in {**LOADERS, **OURS}.items() if name in called), "")
