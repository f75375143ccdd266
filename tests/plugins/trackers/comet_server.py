"""As much of a server of Comet as it takes to keep the metrics that it is sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "k" * 25
BEGUN = {
    "runId": "r1",
    "project_id": "p1",
    "featureToggles": [],
    "focusUrl": "http://comet.example/",
    "name": "n",
    "msg": "ok",
}
BEAT = {
    "is_alive_beat_duration_millis": 10_000,
    "gpu_monitor_interval_millis": 60_000,
    "cpu_monitor_interval_millis": 60_000,
}


class CometServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.metrics: list[dict[str, Any]] = []
        self.begun: list[dict[str, Any]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {"COMET_URL_OVERRIDE": f"http://127.0.0.1:{self.server_port}/clientlib/", "COMET_API_KEY": KEY}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CometServer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        found: dict[str, Any] = {"msg": "ok", "statusCode": 200}
        if self.path.endswith("/add/run"):
            self.server.begun.append(json.loads(body))
            found = BEGUN
        elif self.path.endswith("/experiment/metric"):
            self.server.metrics += json.loads(body)["values"]
        elif "status-report" in self.path:
            found = {**BEAT, "pending_rpcs": False}
        content = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST


@contextmanager
def served() -> Iterator[CometServer]:
    server = CometServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
