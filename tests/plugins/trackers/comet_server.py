"""As much of a server of Comet as it takes to keep the metrics that it is sent."""

from __future__ import annotations

import gzip
import json
from contextlib import AbstractContextManager
from typing import Any

from plugins.trackers.loopback import Answers, Server, serving

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


class CometServer(Server):
    def __init__(self) -> None:
        super().__init__(Handler)
        self.metrics: list[dict[str, Any]] = []
        self.begun: list[dict[str, Any]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {"COMET_URL_OVERRIDE": f"http://127.0.0.1:{self.server_port}/clientlib/", "COMET_API_KEY": KEY}


class Handler(Answers):
    server: CometServer

    def do_POST(self) -> None:
        body = self.body()
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        found: dict[str, Any] = {"msg": "ok", "statusCode": 200}
        if self.path.endswith("/add/run"):
            self.server.begun.append(json.loads(body))
            found = BEGUN
        elif self.path.endswith("/experiment/metric"):
            self.server.metrics += json.loads(body)["values"]
        elif "status-report" in self.path:
            found = {**BEAT, "pending_rpcs": False}
        self.send(json.dumps(found).encode())

    do_GET = do_PUT = do_POST


def served() -> AbstractContextManager[CometServer]:
    return serving(CometServer())
