"""Processes as they can be told apart: by number and time of birth, since numbers come back."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def born(pid: int) -> str:
    """When a living process began, in the system's own count; empty for one that is dead, or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _born_without_proc(pid)
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def kill_group(pid: int, since: str) -> None:
    """Kill a process that leads a group, and the group, if it is the one that began at `since`."""
    if since and born(pid) == since:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def _born_without_proc(pid: int) -> str:
    """Where the system has no /proc, a number must do."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "unknown"
    return "unknown"
