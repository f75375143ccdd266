"""A client of Weave whose losses are errors: it says what it lost in its log alone."""

from __future__ import annotations

import os
from threading import Thread
from typing import TYPE_CHECKING

from callsheet.tracking.losses import Losses, Lost

if TYPE_CHECKING:
    from weave.trace.weave_client import WeaveClient

# No file beside the run directory, and no code; the follower waits and tries again by itself. Weave's threads see only
# environment variables, and not the settings of `init`.
ENVIRONMENT = {
    "WANDB_ERROR_REPORTING": "false",  # it would send errors to Sentry
    "WEAVE_CAPTURE_CODE": "false",
    "WEAVE_ENABLE_DISK_FALLBACK": "false",
    "WEAVE_IMPLICITLY_PATCH_INTEGRATIONS": "false",
    "WEAVE_LOG_LEVEL": "ERROR",
    "WEAVE_PRINT_CALL_LINK": "false",
    "WEAVE_RETRY_MAX_ATTEMPTS": "2",
    "WEAVE_RETRY_MAX_INTERVAL": "2",
    "WEAVE_USE_SERVER_CACHE": "false",
}

STEP_SECONDS = 0.1


def flushed(client: WeaveClient, losses: Losses) -> None:
    """Return when everything is at the server. Raises Lost at once, where Weave waits five minutes for the rest."""
    flushing = Thread(target=client.flush, daemon=True)
    flushing.start()
    while flushing.is_alive():
        flushing.join(STEP_SECONDS)
        losses.raise_if_any()
    losses.raise_if_any()


def connect(project_name: str, seconds: float) -> tuple[WeaveClient, Losses]:
    """A client of `project_name`, whose requests wait for at most `seconds`. Raises what weave raises, and Lost.

    It sets environment variables that are not set, so it is for a process of its own.
    """
    for name, value in {**ENVIRONMENT, "WEAVE_HTTP_TIMEOUT": str(seconds)}.items():
        os.environ.setdefault(name, value)
    import weave

    client = weave.init(project_name)
    if client.entity == "DISABLED":
        raise Lost("the server wants another version of weave than the one that is installed")
    return client, Losses("weave")
