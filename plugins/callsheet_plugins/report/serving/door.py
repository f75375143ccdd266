"""Who is let in: whoever knows the address, token and all, and asks this machine by a name of its own."""

from __future__ import annotations

import hmac
import re
import secrets

HERE = "127.0.0.1"
# A name under which a browser reaches this machine, or its end of an ssh tunnel. Any other name is somebody's web page
# that had its address changed to ours (DNS rebinding).
LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)


class Door:
    """Opens for a path that begins with the token, and tells everybody else nothing."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)

    def inside(self, path: str, hosts: list[str]) -> str | None:
        """What of `path` follows the token; None for whoever stays outside. `hosts` are all headers of this name."""
        given, slash, rest = path.removeprefix("/").partition("/")
        known = hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())
        is_here = len(hosts) == 1 and LOOPBACK.fullmatch(hosts[0].strip()) is not None
        return slash + rest if known and is_here else None
