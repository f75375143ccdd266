import sys

import pytest
from privileges import modes_count

from callsheet.disk import os_errors


@pytest.fixture
def closed():
    """Make a function that closes paths to this process, which opens them again at the end."""
    if sys.platform != "linux":
        pytest.skip("root obeys no mode here")
    before = []

    def close(path, mode=0):
        before.append((path, path.stat().st_mode))
        path.chmod(mode)
        return path

    with modes_count():
        yield close
    for path, mode in reversed(before):
        path.chmod(mode)


@pytest.fixture
def said_of():
    """What a user is told of what `act` raises, and whether that is called a mistake of theirs."""

    def explain(act, *near, typed=()):
        try:
            act()
        except BaseException as error:
            found = os_errors.explained(error, near, typed)
            return (str(found), isinstance(found, os_errors.Refused)) if found else None
        raise AssertionError("it was not refused")

    return explain
