"""An HTTP client for huggingface_hub with time-outs; it leaves retries to the courier."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from huggingface_hub import set_client_factory

from callsheet.outbox import Transient
from callsheet.privates.huggingface_hub import default_client, http_library, request_hooks

if TYPE_CHECKING:
    import httpx2 as httpx
else:
    httpx = http_library()

TRANSIENT = (408, 425, 429)
CONNECT_SECONDS, SILENT_SECONDS = 15.0, 60.0
COMMITS_WAIT_SECONDS = 600.0  # for the limit on commits, the Hub says "in about 1 hour" and sends no Retry-After


class Client(httpx.Client):
    """Raises `Transient` for temporary failures, so that the courier waits and works on another entry meanwhile."""

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        where = f"{request.method} {request.url.path}"
        try:
            response = super().send(request, **options)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Transient(f"{where}: {type(error).__name__}: {error}.") from error
        if response.status_code in TRANSIENT or response.status_code >= 500:
            response.read()
            said = response.headers.get("X-Error-Message") or response.text[:200]
            wait = _retry_after(response.headers)
            if wait is None and response.status_code == 429 and "commit" in said.lower():
                wait = COMMITS_WAIT_SECONDS
            raise Transient(
                f"{where}: {response.status_code} {response.reason_phrase}. {said}".strip(), retry_after=wait
            )
        return response


@contextmanager
def time_outs(silent_seconds: float = SILENT_SECONDS, connect_seconds: float = CONNECT_SECONDS) -> Iterator[None]:
    """Use this client for every request of huggingface_hub while the block runs."""
    set_client_factory(lambda: make_client(silent_seconds, connect_seconds))
    try:
        yield
    finally:
        default_client()


def make_client(silent_seconds: float = SILENT_SECONDS, connect_seconds: float = CONNECT_SECONDS) -> httpx.Client:
    timeout = httpx.Timeout(silent_seconds, connect=connect_seconds)
    return Client(event_hooks=request_hooks(), follow_redirects=True, timeout=timeout)


def _retry_after(headers: httpx.Headers) -> float | None:
    """The seconds to wait, from Retry-After (seconds or a date) or from the Hub's RateLimit, or None."""
    if said := headers.get("Retry-After"):
        try:
            return float(said)
        except ValueError:
            try:
                return max(parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
            except ValueError:
                return None
    window = re.search(r"r=0\s*;\s*t=(\d+)", headers.get("RateLimit", ""))
    return float(window[1]) if window else None
