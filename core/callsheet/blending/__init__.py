"""Move many tensors of a GPU towards others in one kernel, at the speed of its memory."""

from callsheet.blending.batch import Batch, Launch, kernel_for

__all__ = ["Batch", "Launch", "kernel_for"]
