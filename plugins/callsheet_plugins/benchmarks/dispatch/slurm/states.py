"""The states of a Slurm job, and what they mean for an attempt."""

from __future__ import annotations

WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
)
ACTIVE = frozenset({"RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED", "SUSPENDED", "RESIZING"})
LOST = {
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "it was cancelled",
    "DEADLINE": "it could not end before its deadline",
    "FAILED": "it failed",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "it took more memory than it had asked for",
    "PREEMPTED": "another job took its place",
    "REVOKED": "another cluster took it over",
    "TIMEOUT": "it reached its time limit",
}


def why_lost(state: str, exit_code: str = "") -> str:
    """In words, with Slurm's own.

    >>> why_lost("FAILED", "127:0")
    'it failed (Slurm says FAILED, exit code 127)'
    """
    code, _, signum = exit_code.partition(":")
    how = f", signal {signum}" if signum not in ("", "0") else f", exit code {code}" if code not in ("", "0") else ""
    return f"{LOST.get(state, 'it ended')} (Slurm says {state}{how})"
