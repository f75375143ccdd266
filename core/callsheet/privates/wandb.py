"""wandb: the time of a row, which it takes and does not document."""

from callsheet.privates.library import Library, Private

TIMESTAMP = "_timestamp"  # in a row of `run.log`, in seconds since 1970: a row that comes late keeps its time

LIBRARY = Library(
    "wandb",
    read_in="0.31.0",
    source="https://github.com/wandb/wandb/blob/v0.31.0",
    names=(Private(TIMESTAMP, "wandb/sdk/interface/interface.py", 782, "gives a row its own time"),),
)
