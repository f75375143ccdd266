"""A server of Weave on loopback that keeps the calls it is sent, and fails in the ways servers do."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

from plugins.trackers.loopback import VIEWER, Answers, Server, serving

KEY = "x" * 40
PROJECT = {"id": "1", "name": "p", "internalId": "1"}
MODEL = {"model": {"name": "p", "entityName": "me", "id": "1"}, "project": {"name": "p", "entity": {"name": "me"}}}
GRAPHQL = {
    "viewer": VIEWER,
    "serverInfo": {"cliVersionInfo": {"max_cli_version": "0.99.0"}},
    "project": PROJECT,
    "upsertModel": {**MODEL, "inserted": False},
}


class WeaveServer(Server):
    """`calls` are what arrived, by id; `mood` is "fine", "broken" (answers 500) or "silent" (never answers)."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.calls: dict[str, dict[str, Any]] = {}
        self.twice: list[str] = []  # ids that arrived again
        self.paths: list[str] = []
        self.mood = "fine"

    @property
    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.server_port}"
        places = {"WF_TRACE_SERVER_URL": url, "WANDB_BASE_URL": url}
        return {**places, "WANDB_API_KEY": KEY, "WEAVE_RETRY_MAX_ATTEMPTS": "1"}

    def named(self, op: str) -> list[dict[str, Any]]:
        """The finished calls of an op, in the order of their ids, which is that of their starts."""
        calls = [self.calls[id] for id in sorted(self.calls)]
        return [
            call for call in calls if call["op_name"].split("/op/")[-1].partition(":")[0] == op and call.get("ended_at")
        ]

    def start(self, call: dict[str, Any]) -> None:
        if call["id"] in self.calls and "op_name" in self.calls[call["id"]]:
            self.twice.append(call["id"])
        self.calls.setdefault(call["id"], {}).update(call)

    def answer(self, path: str, asked: dict[str, Any]) -> Any:
        if path == "/graphql":
            return {"data": GRAPHQL}
        if path.endswith("/calls/complete"):
            for call in asked["batch"]:
                self.start(call)
        elif path.endswith("/call/start"):
            self.start(asked["start"])
            return {"id": asked["start"]["id"], "trace_id": asked["start"]["trace_id"]}
        elif path.endswith("/call/end"):
            self.calls.setdefault(asked["end"]["id"], {}).update(asked["end"])
        elif path.endswith("/calls/stream_query"):
            return [call for call in self.calls.values() if _matches(call, asked)]
        elif path.endswith("/calls/delete"):
            gone = {id for id, call in self.calls.items() if {id, call.get("parent_id")} & set(asked["call_ids"])}
            self.calls = {id: call for id, call in self.calls.items() if id not in gone}
            return {"num_deleted": len(gone)}
        return FIXED.get(path.rpartition("/")[2] if "/batch/" in path or path.count("/") == 1 else path[1:], {})


FIXED: dict[str, Any] = {
    "server_info": {"min_required_weave_python_version": "0.0.1"},
    "obj/create": {"digest": "d" * 40, "object_id": "x"},
    "table/create": {"digest": "t" * 40, "row_digests": ["r" * 40] * 64},
    "file/create": {"digest": "f" * 40},
    "feedback/create": {"id": "1", "created_at": "2026-01-01T00:00:00Z", "wb_user_id": "1", "payload": {}},
    "create": {"res": []},
}


def _matches(call: dict[str, Any], asked: dict[str, Any]) -> bool:
    wanted = asked.get("filter") or {}
    if wanted.get("trace_roots_only") and call.get("parent_id"):
        return False
    if wanted.get("parent_ids") and call.get("parent_id") not in wanted["parent_ids"]:
        return False
    if query := asked.get("query"):
        field, literal = query["$expr"]["$eq"]
        found: Any = call
        for part in field["$getField"].split("."):
            found = (found or {}).get(part)
        return bool(found == literal["$literal"])
    return True


class Handler(Answers):
    server: WeaveServer

    def do_POST(self) -> None:
        body = self.body()
        self.server.paths.append(self.path)
        if self.server.mood == "silent":
            self.server.released.wait()
            self.close_connection = True
            return
        broken = self.server.mood == "broken"
        json_body = self.headers.get("Content-Type", "").startswith("application/json")
        found = {} if broken else self.server.answer(self.path, json.loads(body) if json_body and body else {})
        self._send(500 if broken else 200, found)

    do_GET = do_PUT = do_POST

    def _send(self, status: int, found: Any) -> None:
        content = (
            b"\n".join(json.dumps(row).encode() for row in found)
            if isinstance(found, list)
            else json.dumps(found).encode()
        )
        self.send(content, status)


def served() -> AbstractContextManager[WeaveServer]:
    return serving(WeaveServer())
