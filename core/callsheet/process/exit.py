"""How a worker ends: together with its driver, or alone, without torch's destructors."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from callsheet.distributed.world import DRIVER
from callsheet.privates.python import run_exit_functions

PR_SET_PDEATHSIG = 1


def die_with_driver() -> None:
    """Make the kernel kill this worker when its driver ends, for any reason."""
    driver = os.environ.get(DRIVER)
    if driver is None or sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(driver):  # the driver died before the call of prctl
        os._exit(1)


def leave(code: int) -> NoReturn:
    """End this worker without running torch's destructors.

    Of 40 pairs of processes that returned normally, four crashed in the destructors of gloo's threads ("terminate
    called without an active exception"), after all work was done. Of 40 pairs that left this way, none crashed.
    """
    run_exit_functions()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
