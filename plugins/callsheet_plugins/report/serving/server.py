"""The server: a page, and what has changed of it since; for this machine alone, and never more than a few at a time."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import parse_qs

from callsheet_plugins.report.page.build import whole
from callsheet_plugins.report.serving.door import HERE, Door
from callsheet_plugins.report.serving.live import Live, Shown

AT_A_TIME = 16
SILENT_SECONDS = 10.0  # that a browser may take nothing, or say nothing
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"


class Server(ThreadingHTTPServer):
    """Shows `live` to whoever has the address."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket, live: Live) -> None:
        super().__init__(listening.getsockname(), _Request, bind_and_activate=False)
        self.socket.close()
        self.socket, self.server_port = listening, listening.getsockname()[1]
        self.live, self.door = live, Door()
        self._room = BoundedSemaphore(AT_A_TIME)

    @property
    def address(self) -> str:
        """Where a browser finds it; whoever has it sees the page."""
        return f"http://{HERE}:{self.server_port}/{self.door.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a browser that hangs up is no fault, and an address must stand in no log."""


class _Request(BaseHTTPRequestHandler):
    server: Server
    timeout = SILENT_SECONDS

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        inside = self.server.door.inside(path, self.headers.get_all("Host") or [])
        if inside is None:
            self._answer(403, TEXT, "Forbidden\n")
        elif inside == "":
            self._answer(308, TEXT, "", Location=f"{path}/")
        elif inside == "/":
            shown = self.server.live.now()
            self._answer(200, HTML, whole(shown.title, shown.parts, live=True))
        elif inside == "/changes":
            has = parse_qs(query).get("has", [""])[0]
            self._answer(200, JSON, _changes(self.server.live.now(), set(has.split(","))))
        else:
            self._answer(404, TEXT, "There is no such page here.\n")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no request, or none that is served, is told nothing either."""
        self._answer(403, TEXT, "Forbidden\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the path holds the token."""

    def _answer(self, status: int, kind: str, text: str, **more: str) -> None:
        content = text.encode("utf-8", "replace")
        self.close_connection = True
        self.send_response_only(status)  # without the version of anything
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _changes(shown: Shown, has: set[str]) -> str:
    """What a browser lacks that has the parts of these hashes."""
    return json.dumps(
        {
            "title": shown.title,
            "fault": shown.fault,
            "order": [part.id for part in shown.parts],
            "parts": [
                {"id": part.id, "title": part.title, "hash": part.hash, "html": part.html, "figures": part.figures}
                for part in shown.parts
                if f"{part.id}.{part.hash}" not in has
            ],
        }
    )
