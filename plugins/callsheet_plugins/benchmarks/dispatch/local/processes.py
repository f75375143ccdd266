"""Processes as they can be told apart: by number and time of birth, since numbers come back.

The time is the count of the system's clock ticks since it booted, from /proc/PID/stat (field 22, see proc(5)). psutil
does not serve: as of 7.2.2, `Process.create_time()` adds the time of the boot, which moves when somebody sets the
clock, and the job's runner, which has only the standard library, cannot write down the same.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from callsheet.process.machine import answers


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
    """Kill the group that was led by the process that began at `since`, also when its leader is dead.

    While a group has members, the number of its leader goes to nobody else. What a damaged file says may be no number
    of a process: 0 would be this process's own group.
    """
    if since and pid > 1 and born(pid) in (since, ""):
        try:
            os.killpg(pid, signal.SIGKILL)
        except (OSError, OverflowError):
            return


def _born_without_proc(pid: int) -> str:
    """Where the system has no /proc, a number must do."""
    return "unknown" if answers(pid) else ""
