"""What `import callsheet` offers."""

import subprocess
import sys

import pytest

import callsheet


@pytest.mark.parametrize("name", callsheet.__all__)
def test_every_public_name_is_there(name):
    assert getattr(callsheet, name).__class__


def test_another_name_is_not():
    with pytest.raises(AttributeError, match="has no attribute 'Plugins'"):
        callsheet.Plugins  # noqa: B018


def test_importing_callsheet_imports_nothing_else():
    code = "import sys, callsheet; print([m for m in sys.modules if m.startswith(('callsheet.', 'pluggy', 'hydra'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
