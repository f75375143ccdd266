"""Comet stays out of a run that does not log there, though transformers imports it wherever it is installed."""

import subprocess
import sys

import pytest

CODE = """
import sys
from callsheet.run import unasked_trackers
unasked_trackers.leave_out({report_to!r})
from transformers.integrations import is_comet_available
print("comet_ml" in sys.modules, is_comet_available())
import comet_ml  # whoever wants it gets it
"""


@pytest.mark.parametrize(("report_to", "is_there"), [(["tensorboard"], False), (["comet_ml"], True)])
def test_comet_is_imported_for_those_alone_who_log_there(report_to, is_there):
    pytest.importorskip("comet_ml")
    code = CODE.format(report_to=report_to)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(is_there), "False"]
