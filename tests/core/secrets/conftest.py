"""What a test has let this process remember is forgotten after it."""

import pytest

from callsheet.secrets import known


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(known, "_remembered", {})
