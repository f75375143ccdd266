"""Experiments whose arms are short processes of their own, run by real workers through the code that runs real ones."""

from .made import Stub, begin, entries, started

__all__ = ["Stub", "begin", "entries", "started"]
