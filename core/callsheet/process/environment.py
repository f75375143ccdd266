"""Variables of the environment that are changed for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from callsheet.secrets import secret_variables


@contextmanager
def changed_environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables in this block, for this process and those that it starts; None takes one away.

    >>> with changed_environment({"OMP_NUM_THREADS": "1", "FSDP_CPU_RAM_EFFICIENT_LOADING": None}): ...
    """
    before = {name: os.environ.get(name) for name in values}
    try:
        _set(values)
        yield
    finally:
        _set(before)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for a program that needs no secret."""
    withheld = {*secret_variables(environ)}
    return {name: value for name, value in environ.items() if name not in withheld}


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
