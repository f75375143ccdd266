"""What a process prints, without secrets."""

import subprocess
import sys

from waiting import PATIENCE

PROGRAM = """
import logging, sys, warnings
from callsheet.process.printed import Printed, print_no_secrets
print_no_secrets()
print_no_secrets()
print("a planted-value", "b", file=sys.stdout)
sys.stdout.writelines(["c planted-value\\n"])
logging.getLogger("x").warning("d %s", "planted-value")
warnings.warn("e planted-value")
assert sys.stdout.fileno() == 1 and sys.stdout.encoding and not isinstance(sys.stdout._stream, Printed)
raise RuntimeError("f planted-value")
"""


def test_no_secret_is_printed_not_even_by_the_traceback_that_ends_the_process(monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "planted-value")
    how = {"capture_output": True, "text": True, "timeout": PATIENCE}
    done = subprocess.run([sys.executable, "-c", PROGRAM], **how)
    assert done.stdout == "a *** b\nc ***\n"
    assert "d ***" in done.stderr and "e ***" in done.stderr and "RuntimeError: f ***" in done.stderr
    assert "planted" not in done.stderr.replace('"e planted-value"', "")
