"""Warnings that come once."""

import logging

import pytest

from callsheet.distributed.once import Once


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING, "callsheet"):
        once = Once("mine: ")
        once.warn("step 1 failed", about="failures")
        once.warn("step 2 failed", about="failures")
        once.warn("another")
        once.warn("another")
    return [record.getMessage() for record in caplog.records]


def test_of_warnings_about_the_same_the_first_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog) == ["mine: step 1 failed", "mine: another"]


def test_other_ranks_say_nothing(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert said(caplog) == []
