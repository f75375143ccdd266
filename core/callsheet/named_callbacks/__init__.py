"""The callbacks that a configuration names by `callbacks.NAME`: checked in their source, made with their arguments."""

from callsheet.named_callbacks.checking import problems
from callsheet.named_callbacks.joining import complete, ready
from callsheet.named_callbacks.loading import load, make_early

__all__ = ["complete", "load", "make_early", "problems", "ready"]
