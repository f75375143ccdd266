"""Which attributes of its arguments a function reads, by its compiled code."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from itertools import pairwise
from types import CodeType

ASKS = {"hasattr", "getattr", "AttributeError"}  # what uses one of these knows that an attribute may be missing
READS = ("LOAD_ATTR", "LOAD_METHOD")


def attributes_read(code: CodeType) -> Iterator[tuple[str, str]]:
    """Yield each `argument.attribute` that is read, where the argument is still what the caller passed."""
    if ASKS & {*code.co_names}:
        return
    arguments = {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]}
    steps = [*dis.get_instructions(code)]
    for step in steps:
        if step.opname.startswith("STORE") and step.opname != "STORE_ATTR":
            arguments -= {*(step.argval if isinstance(step.argval, tuple) else (step.argval,))}
    for before, step in pairwise(steps):
        if step.opname in READS and before.opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
            # Python 3.13 loads two names in one step; the attribute is that of the second.
            name = before.argval[-1] if isinstance(before.argval, tuple) else before.argval
            if name in arguments:
                yield name, str(step.argval)
