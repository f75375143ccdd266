"""Does a server take connections? For `callsheet check`, which says so and goes on: it may be up when the run is."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

PORTS = {"http": 80, "https": 443}
SECONDS = 2.0


def unreachable(url: str, seconds: float = SECONDS) -> str:
    """Why nobody takes a connection at `url`'s host and port; empty if somebody does, or a proxy stands between."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in PORTS or (parts.scheme in getproxies() and not proxy_bypass(host)):
        return ""
    try:
        with socket.create_connection((host, parts.port or PORTS[parts.scheme]), seconds):
            return ""
    except TimeoutError:
        return f"{host} did not answer within {seconds:g} s"
    except (OSError, ValueError, UnicodeError) as error:
        return str(getattr(error, "strerror", None) or error)
