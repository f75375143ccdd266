"""A real terminal in the place of stdout and stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from plugins.progress.emulator import Terminal

ELSEWHERE = ("SLURM_JOB_ID", "CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "COLORTERM")


@pytest.fixture
def terminal() -> Terminal:
    """80 columns and 24 lines, for a test that has no other; both streams are on it while the test is called."""
    return Terminal()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """pytest sets the streams when it calls a test, so a fixture would come too early."""
    if (terminal := pyfuncitem.funcargs.get("terminal")) is None:
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        use(terminal, patch)
        return (yield)


def use(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8") -> Terminal:
    """Be on `terminal`, as a user who has set nothing."""
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, open(terminal.near, "w", encoding=encoding, buffering=1, closefd=False))  # noqa: SIM115
    return terminal
