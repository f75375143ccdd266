"""What the servers on loopback have in common: they take JSON and answer with it, until a test is done with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

# Who is logged in, as W&B says it, for wandb and for Weave.
VIEWER = {
    "id": "1",
    "username": "me",
    "entity": "me",
    "flags": "{}",
    "teams": {"edges": []},
    "defaultEntity": {"name": "me"},
}


class Server(ThreadingHTTPServer):
    """`released` is set when the test is done: a request that is never answered waits for that."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.released = threading.Event()


class Answers(BaseHTTPRequestHandler):
    """A handler says what to do in `do_POST`, by `body` and `send`; every other request is one of those."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


AServer = TypeVar("AServer", bound=Server)


@contextmanager
def serving(server: AServer) -> Iterator[AServer]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
