"""What a probe may not do: pass over modes as root does, eat the machine's memory, or fill its disk."""

from __future__ import annotations

import ctypes
import resource
import signal

PR_SET_SECUREBITS, SECBIT_NOROOT = 28, 1
VERSION = 0x20080522  # of capget(2), with two words a set
MEMORY, FILE_SIZE = 2 << 30, 4 << 30


def confine(cpu_seconds: int) -> None:
    """From now on, and for all that this process starts. A root without capabilities is held by modes like others."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0)
    libc.capset(ctypes.byref((ctypes.c_uint32 * 2)(VERSION, 0)), ctypes.byref((ctypes.c_uint32 * 6)()))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
