"""Log lines of callsheet on stderr, from INFO on rank 0, else from WARNING; and what is left out of those of others."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from callsheet.distributed.world import world
from callsheet.screen import cut, printable

# DeepSpeed says it when transformers looks for it, and to stdout. What transformers compares on a resume,
# `callsheet.rundir.again.changes` has compared with all else, and has said what of it matters. Where comet_ml is
# installed, transformers asks for its key at every evaluation, whoever logs (5.23, integration_utils.py, line 138).
LEFT_OUT = {
    "DeepSpeed": "Setting accelerator to CPU",
    "transformers.trainer_utils": "Warning: The following arguments do not match the ones in the `trainer_state.json`",
    "transformers.integrations.integration_utils": "comet_ml is installed but the Comet API Key is not configured.",
}


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to the current `sys.stderr`: rich replaces it while a progress bar moves, to print lines above the bar."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """Ignore `stream`: it is looked up at each write."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(cut, printable(super().format(record)).split("\n")))


def show() -> None:
    """Print log lines from now on; a second call does nothing."""
    logger = logging.getLogger("callsheet")
    if not logger.handlers:
        logger.addHandler(_Stderr())
        logger.setLevel(logging.INFO if world().is_main else logging.WARNING)


class _Without(logging.Filter):
    """Lets pass what does not begin with `said`."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self._said = said

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(self._said)


def leave_out() -> None:
    """From now on; a second call does nothing."""
    for name, said in LEFT_OUT.items():
        logger = logging.getLogger(name)
        if not any(isinstance(each, _Without) for each in logger.filters):
            logger.addFilter(_Without(said))
