"""On which hosts the ranks of this run are."""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress

from callsheet.distributed.collectives import all_gather
from callsheet.distributed.slurm import node
from callsheet.distributed.world import world

ADDRESS = re.compile(r"\[([0-9a-fA-F:.]+)\]:\d+|\b(\d{1,3}(?:\.\d{1,3}){3}):\d+")
_met: dict[str, list[int]] = {}


def meet() -> dict[str, list[int]]:
    """The hosts by name with their ranks, lowest rank first; all ranks call it at once."""
    _met.clear()
    for rank, host in enumerate(all_gather(node(os.environ))):
        _met.setdefault(host, []).append(rank)
    return {**_met}


def lost(said: str) -> str:
    """What gloo says of a connection that broke, with the names of both hosts; empty if the run has one host."""
    if len(_met) < 2:
        return ""
    here = node(os.environ)
    others = [host for host in _met if host != here]
    there = next((host for host in others if _address_in(said) in _addresses(host)), " or ".join(others))
    return (
        f"Rank {world().rank} on {here} lost its connection to {there}: a process ended there, or its machine did, and "
        f"its own output may say why. ({said})"
    )


def _address_in(said: str) -> str:
    found = ADDRESS.search(said)
    return (found[1] or found[2]).removeprefix("::ffff:") if found else ""


def _addresses(host: str) -> set[str]:
    with suppress(OSError):
        return {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
    return set()
