"""A checkpoint whose files hold code: torch refuses to run it, and this says so in a sentence."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from callsheet.errors import CallsheetError, sentences

REFUSED = "Weights only load failed"  # of torch 2.6 on: torch/serialization.py, UNSAFE_MESSAGE
GLOBAL = re.compile(r"GLOBAL ([\w.]+)")


@contextmanager
def refused(checkpoint: Path | None) -> Iterator[None]:
    """In the block, what torch says of code in `checkpoint` becomes a `CallsheetError` that names the file."""
    try:
        yield
    except pickle.UnpicklingError as error:
        if not checkpoint or REFUSED not in str(error):
            raise
        raise CallsheetError(_sentence(checkpoint, error)) from error


def _sentence(checkpoint: Path, error: pickle.UnpicklingError) -> str:
    name, found = _file(error.__traceback__) or "one of its files", GLOBAL.search(str(error))
    what = f"code ({found.group(1)})" if found else "more than tensors and plain values, or is damaged"
    return sentences(
        f"{checkpoint} cannot be resumed from: {name} holds {what}, which torch does not load",
        "Resume only what you trust; its weights alone can be taken with model.path",
    )


def _file(trace: TracebackType | None) -> str:
    """The name of the file that `torch.load` was called with last."""
    calls = [
        frame.f_locals.get("f") for frame, _ in walk_tb(trace) if frame.f_code.co_filename.endswith("serialization.py")
    ]
    paths = [call for call in calls if isinstance(call, (str, os.PathLike))]
    return Path(paths[-1]).name if paths else ""
