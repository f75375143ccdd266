"""A W&B server on loopback: it takes runs, and keeps the saved views of projects, or fails to."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

from plugins.trackers.loopback import VIEWER, Answers, Server, serving

PER_PAGE = 2  # views in an answer, fewer than are asked for


class WandbServer(Server):
    """`views` are those of all projects, by id. A project's name says how it is served.

    "refusing" answers its views with an error, "silent" never answers, and in "racing" another run makes a view in the
    moment when one is made, and is the first.
    """

    def __init__(self) -> None:
        super().__init__(Handler)
        self.views: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []  # names of GraphQL's documents
        self.history: list[dict[str, Any]] = []
        self.runs: dict[str, list[str]] = {}  # the rows of each run, by its id
        self._count = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": "x" * 40, "WANDB_MODE": "online"}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was gone before its answer."""

    def of(self, project: str) -> list[dict[str, Any]]:
        return [view for view in self.views.values() if view["projectName"] == project]

    def add(self, **view: Any) -> dict[str, Any]:
        self._count += 1
        made = {"createdAt": f"2026-11-28T00:00:{self._count:02}Z", **view, "id": str(99 - self._count)}
        self.views[made["id"]] = made
        return made

    def answer(self, document: str, given: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(document.split("(")[0].split("{")[0].split()[-1])
        project = str(given.get("project") or given.get("projectName") or "")
        if "allViews" in document or "upsertView" in document:
            if project == "silent":
                self.released.wait()
            if project == "refusing":
                raise PermissionError
        if "upsertView" in document:
            if project == "racing":
                self.add(**{**given, "createdAt": "2026-11-27T00:00:00Z"})
            return {"upsertView": {"view": self.add(**given), "inserted": True}}
        if "deleteView" in document:
            self.views.pop(given["id"])
            return {"deleteView": {"success": True}}
        if "allViews" in document:
            return {"project": {"allViews": self._page(self.of(project), int(given.get("after") or 0))}}
        if "createRunFiles" in document:
            files = [{"name": name, "uploadUrl": f"{self.url}/upload"} for name in given["files"]]
            return {"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": files}}
        if "RunResumeStatus" in document and given["name"] in self.runs:
            return {
                "model": {"id": "1", "name": project, "entity": {"id": "1", "name": "me"}, "bucket": self._run(**given)}
            }
        if "upsertBucket" in document:
            self.runs.setdefault(str(given["name"]), [])
            place = {"id": "1", "name": given["project"], "entity": {"id": "1", "name": "me"}}
            bucket = {"id": "1", "name": given["name"], "displayName": given["displayName"], "config": "{}"}
            return {"upsertBucket": {"bucket": {**bucket, "project": place, "historyLineCount": 0}, "inserted": True}}
        return {"viewer": VIEWER, "serverInfo": {"cliVersionInfo": {}, "features": []}, "project": None, "model": None}

    def _run(self, name: str, **others: Any) -> dict[str, Any]:
        """What a resumed run asks for: how many rows there are, and the last of them."""
        rows = self.runs[name]
        tails = {"historyTail": json.dumps(rows[-1:]), "eventsTail": "[]", "summaryMetrics": (rows or ["{}"])[-1]}
        counts = {"historyLineCount": len(rows), "eventsLineCount": 0, "logLineCount": 0}
        return {"id": "1", "name": name, "config": "{}", "wandbConfig": '{"t": 1}', "tags": [], **tails, **counts}

    def _page(self, views: list[dict[str, Any]], start: int) -> dict[str, Any]:
        names = ("id", "name", "displayName", "createdAt")
        nodes = [{name: view[name] for name in names} for view in views[start : start + PER_PAGE]]
        info = {"endCursor": str(start + PER_PAGE), "hasNextPage": start + PER_PAGE < len(views)}
        return {"edges": [{"node": node} for node in nodes], "pageInfo": info}


class Handler(Answers):
    server: WandbServer

    def do_POST(self) -> None:
        body = self.body()
        status, answer = 200, dict[str, Any]()
        if self.path == "/graphql":
            asked = json.loads(body)
            try:
                answer = {"data": self.server.answer(asked["query"], asked.get("variables") or {})}
            except PermissionError:
                answer = {"errors": [{"message": "permission denied"}], "data": None}
        elif self.path.endswith("/file_stream"):
            lines = json.loads(body).get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
            self.server.history += map(json.loads, lines)
            self.server.runs.setdefault(self.path.split("/")[-2], []).extend(lines)
        self.send(json.dumps(answer).encode(), status)

    do_GET = do_PUT = do_POST


def served() -> AbstractContextManager[WandbServer]:
    return serving(WandbServer())
