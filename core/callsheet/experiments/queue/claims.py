"""A claim on an arm: the name of its file among the active ones, which is another for each claim.

Names that are never used twice make every move safe. Whoever has lost a claim cannot settle the arm, because the file
of that name is gone, and of several that take the same claim away, one succeeds.
"""

from __future__ import annotations

from dataclasses import dataclass

SUFFIX = ".json"
MOVED = ".moved"  # ends the name of a claim that is given up, and whose arm is on its way: see `store.Queue.settle`


@dataclass(frozen=True)
class Claim:
    """The arm `name`, in the hands of `worker` for the `number`-th time that this worker took one."""

    name: str
    worker: str
    number: int

    @property
    def file(self) -> str:
        return f"{self.name}@{self.worker}.{self.number}{SUFFIX}"


@dataclass(frozen=True)
class Move:
    """An arm on its way: `file` is the mark that its claim was given up for, `draft` what it is to become.

    The mark is `.<state>.<id>.<arm>.moved`, the draft the same with `.draft`.
    """

    name: str
    state: str
    id: str

    @property
    def file(self) -> str:
        return f".{self.state}.{self.id}.{self.name}{MOVED}"

    @property
    def draft(self) -> str:
        return f".{self.state}.{self.id}.{self.name}.draft"


def claim_in(file: str) -> Claim | None:
    """The claim that the name of a file is; None for another file."""
    if file.startswith(".") or not file.endswith(SUFFIX):
        return None
    name, _, holder = file.removesuffix(SUFFIX).rpartition("@")
    worker, _, number = holder.rpartition(".")
    return Claim(name, worker, int(number)) if name and worker and number.isdecimal() else None


def move_in(file: str) -> Move | None:
    """The arm on its way that the name of a file tells of; None for another file."""
    if not (file.startswith(".") and file.endswith(MOVED)):
        return None
    state, _, rest = file[1:].removesuffix(MOVED).partition(".")
    id, _, name = rest.partition(".")
    return Move(name, state, id) if state and id and name else None
