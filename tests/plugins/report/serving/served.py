"""A server of the page in this process, and a run that goes on writing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

from callsheet_plugins.report.serving.live import Live
from callsheet_plugins.report.serving.pace import Pace
from callsheet_plugins.report.serving.serve import ANY, bound
from callsheet_plugins.report.serving.server import Server


@contextmanager
def serving(*paths: Path) -> Iterator[Server]:
    """The server of `paths`, which works as often as it is asked: tests do not wait for its pace."""
    with Server(bound(ANY), Live(paths, Pace(rest=0.0, shortest=0.0))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and content of an answer; `path` is below the address without the token."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def changes(server: Server, has: str = "") -> dict[str, Any]:
    status, _, content = ask(server, f"/{server.door.token}/changes?has={has}")
    assert status == 200, content
    found: dict[str, Any] = json.loads(content)
    return found


def log(run: Path, *rows: Mapping[str, Any]) -> None:
    """What a run that goes on adds to its metrics."""
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(
                json.dumps({"split": "train", "epoch": 0.0, "time": "2026-11-20T09:30:00.000+00:00", **row}) + "\n"
            )
