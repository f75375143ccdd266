"""Move many tensors of a GPU towards others in one kernel, at the speed of its memory."""

from callsheet.blending.launches import Launch, Launches, kernel_for

__all__ = ["Launch", "Launches", "kernel_for"]
