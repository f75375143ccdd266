from __future__ import annotations

import signal
import time

import pytest

from callsheet.distributed.world import ARM
from callsheet.process import signals
from callsheet.process.signals import Interrupted, Signals


def test_the_run_of_an_arm_takes_a_signal_that_comes_twice_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ARM, "arms/active/a.json")
    received = Signals(patient=True)
    received.handle(signal.SIGTERM, None)
    received.handle(signal.SIGTERM, None)
    assert received.received == signal.SIGTERM
    later = time.monotonic() + signals.ECHO_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(Interrupted):
        received.handle(signal.SIGTERM, None)


def test_another_run_stops_at_once_at_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ARM, raising=False)
    received = Signals(patient=True)
    received.handle(signal.SIGTERM, None)
    with pytest.raises(Interrupted):
        received.handle(signal.SIGTERM, None)
