"""A process that file modes count for: root ignores them, unless it gives up the capabilities that say so."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

VERSION_3 = 0x20080522  # of capset, with two words of 32 capabilities
IGNORING = (1 << 1) | (1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Words(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32 * 1) for name in ("effective", "permitted", "inheritable")]


@contextmanager
def modes_count() -> Iterator[None]:
    """Within it, this thread is refused what a user is refused; a process that it starts is not."""
    if os.geteuid() != 0:
        yield
        return
    libc, header, held = ctypes.CDLL(None, use_errno=True), _Header(VERSION_3, 0), (_Words * 2)()
    assert libc.capget(ctypes.byref(header), held) == 0
    before = held[0].effective[0]
    held[0].effective[0] &= ~IGNORING
    assert libc.capset(ctypes.byref(header), held) == 0
    try:
        yield
    finally:
        held[0].effective[0] = before
        assert libc.capset(ctypes.byref(header), held) == 0
