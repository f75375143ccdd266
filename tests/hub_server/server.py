"""The HTTP side of the small Hub, on the loopback interface."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from .faults import Fault, Faults
from .store import LFS_FROM, Blob, Commit, Repo, Store

CHUNK = 5 << 20
ROUTES = [
    ("POST", r"/api/repos/create", "create_repo"),
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/validate-yaml", "validate_yaml"),
    ("GET", r"/api/models/(?P<repo>[^/]+/[^/]+)/refs", "refs"),
    ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/branch/(?P<branch>[^/]+)", "create_branch"),
    ("DELETE", r"/api/models/(?P<repo>[^/]+/[^/]+)/branch/(?P<branch>[^/]+)", "delete_branch"),
    ("GET", r"/api/models/(?P<repo>[^/]+/[^/]+)/commits/(?P<revision>[^/]+)", "commits"),
    ("GET", r"/api/models/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)", "tree"),
    ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/paths-info/(?P<revision>[^/]+)", "paths_info"),
    ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/preupload/(?P<revision>[^/]+)", "preupload"),
    ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/commit/(?P<revision>[^/]+)", "commit"),
    ("GET", r"/api/models/(?P<repo>[^/]+/[^/]+)(/revision/(?P<revision>[^/]+))?", "info"),
    ("POST", r"/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "lfs_batch"),
    ("PUT", r"/lfs/(?P<oid>\w+)", "lfs_put"),
    ("PUT", r"/lfs/(?P<oid>\w+)/part/(?P<part>\d+)", "lfs_part"),
    ("POST", r"/lfs/(?P<oid>\w+)/complete", "lfs_complete"),
    ("POST", r"/lfs/verify", "lfs_verify"),
    ("GET", r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    ("HEAD", r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
]


class HubServer(ThreadingHTTPServer):
    """`with HubServer() as hub:` serves at `hub.url` until the block ends; `hub.store` is what it holds."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *, owner: str = "me", token: str | None = None, latency: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.store, self.faults = Store(), Faults()
        self.owner, self.token, self.latency = owner, token, latency
        self.role, self.orgs = "write", {"lab": "write"}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.uploaded: dict[str, int] = {}
        self.stopping = threading.Event()

    def fail(self, *faults: Fault) -> None:
        self.faults.pending.extend(faults)

    def __enter__(self) -> HubServer:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is part of the tests."""


class _Refusal(Exception):
    def __init__(self, status: int, code: str = "", message: str = "", **body: object) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.body = status, code, message, body


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        time.sleep(self.server.latency)
        for method, pattern, name in ROUTES:
            if method == self.command and (match := re.fullmatch(pattern, url.path)):
                self._serve(name, {key: unquote(value) for key, value in match.groupdict().items() if value})
                return
        self._answer(404, {"error": f"no route for {self.command} {self.path}"})

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _serve(self, name: str, found: dict[str, str]) -> None:
        self.asked = f"{self.command} {name}"
        faults = self.server.faults
        faults.asked.append(self.asked)
        if fault := faults.take(self.asked, "status", "reset", "stall"):
            if fault.kind == "reset":
                self._reset()
            elif fault.kind == "stall":
                self.server.stopping.wait(fault.seconds)
                self.close_connection = True
            else:
                self._body()
                self._answer(fault.status, {"error": fault.message}, fault.headers)
            return
        body = self._body()
        try:
            if name not in ("lfs_put", "lfs_part", "lfs_complete"):  # their addresses are signed
                self._insist_on_token()
            with self.server.store.lock:
                status, content, headers = getattr(self, name)(body, **found)
        except _Refusal as refusal:
            headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
            status, content = refusal.status, {"error": refusal.message, **refusal.body}
            headers = {key: value for key, value in headers.items() if value}
        if faults.take(self.asked, "lost"):
            self._reset()
        else:
            self._answer(status, content, headers)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()
        self.close_connection = True

    def _insist_on_token(self) -> None:
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            raise _Refusal(401, message="Invalid credentials in Authorization header")

    def _repo(self, name: str) -> Repo:
        if name not in self.server.store.repos:
            raise _Refusal(404, "RepoNotFound", "Repository not found")
        return self.server.store.repos[name]

    def _commit(self, repo: str, revision: str) -> Commit:
        commit = self._repo(repo).commit(revision)
        if commit is None:
            raise _Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def _may_write(self, owner: str) -> None:
        if owner not in (self.server.owner, *self.server.orgs) or self.server.role == "read":
            raise _Refusal(403, message=f"You don't have the rights to write under the namespace {owner}")

    # One method for each endpoint: (status, content, headers).

    def create_repo(self, body: bytes):
        asked = json.loads(body)
        owner = asked.get("organization") or self.server.owner
        self._may_write(owner)
        name = f"{owner}/{asked['name']}"
        url = f"{self.server.url}/{name}"
        if not self.server.store.create(name, asked.get("visibility") == "private"):
            raise _Refusal(409, message="You already created this model repo", url=url)
        return 200, {"url": url, "name": name, "id": name}, {}

    def whoami(self, body: bytes):
        who = {"type": "user", "name": self.server.owner, "orgs": []}
        who["orgs"] = [{"name": name, "roleInOrg": role} for name, role in self.server.orgs.items()]
        return 200, {**who, "auth": {"accessToken": {"displayName": "t", "role": self.server.role}}}, {}

    def validate_yaml(self, body: bytes):
        has_head = json.loads(body)["content"].startswith("---")
        return 200, {"errors": [], "warnings": [] if has_head else [{"message": "empty or missing yaml metadata"}]}, {}

    def refs(self, body: bytes, repo: str):
        branches = self._repo(repo).branches.items()
        listed = [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": oid} for name, oid in branches]
        return 200, {"branches": listed, "converts": [], "tags": []}, {}

    def create_branch(self, body: bytes, repo: str, branch: str):
        self._may_write(repo.partition("/")[0])
        start = self._commit(repo, json.loads(body or b"{}").get("startingPoint", "main"))
        if branch in self._repo(repo).branches:
            raise _Refusal(409, message="Reference already exists")
        self._repo(repo).branches[branch] = start.oid
        return 200, {}, {}

    def delete_branch(self, body: bytes, repo: str, branch: str):
        if self._repo(repo).branches.pop(branch, None) is None:
            raise _Refusal(404, "RevisionNotFound", "Invalid rev id")
        return 200, {}, {}

    def commits(self, body: bytes, repo: str, revision: str):
        self._commit(repo, revision)
        return 200, [
            {"id": c.oid, "title": c.title, "message": c.message, "authors": [{"user": "me"}], "date": c.date}
            for c in self._repo(repo).history(revision)
        ], {}  # fmt: skip

    def info(self, body: bytes, repo: str, revision: str = "main"):
        commit = self._commit(repo, revision)
        siblings = [{"rfilename": path} for path in commit.files]
        return 200, {"id": repo, "sha": commit.oid, "private": self._repo(repo).private, "siblings": siblings}, {}

    def tree(self, body: bytes, repo: str, revision: str):
        return 200, self._listed(self._commit(repo, revision).files), {}

    def paths_info(self, body: bytes, repo: str, revision: str):
        asked = json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode()).get("paths", [])
        files = self._commit(repo, revision).files
        return 200, self._listed({path: files[path] for path in asked if path in files}), {}

    def _listed(self, files: dict[str, Blob]) -> list[dict[str, object]]:
        wrong = self.server.faults.take(self.asked, "wrong_oid")
        listed: list[dict[str, object]] = []
        for path, blob in files.items():
            row: dict[str, object] = {"type": "file", "path": path, "size": blob.size, "oid": blob.oid}
            if blob.sha256:
                row["lfs"] = {"oid": "0" * 64 if wrong else blob.sha256, "size": blob.size, "pointerSize": 134}
            listed.append(row)
        return listed

    def preupload(self, body: bytes, repo: str, revision: str):
        files = self._commit(repo, revision).files
        answer = []
        for asked in json.loads(body)["files"]:
            large = asked["path"].endswith(".safetensors") or asked["size"] >= LFS_FROM
            known = files.get(asked["path"])
            row = {"path": asked["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            answer.append({**row, "oid": (known.sha256 or known.oid) if known else None})
        return 200, {"files": answer}, {}

    def lfs_batch(self, body: bytes, repo: str):
        asked = json.loads(body)
        objects = []
        for item in asked["objects"]:
            row = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.server.store.verified:
                row["actions"] = self._upload_actions(item["oid"], item["size"], "multipart" in asked["transfers"])
            objects.append(row)
        return 200, {"transfer": "multipart", "objects": objects}, {}

    def _upload_actions(self, oid: str, size: int, multipart: bool) -> dict[str, object]:
        base = f"{self.server.url}/lfs/{oid}"
        verify = {"href": f"{self.server.url}/lfs/verify"}
        if not multipart or size <= 2 * CHUNK:
            return {"upload": {"href": base}, "verify": verify}
        parts = {str(number): f"{base}/part/{number}" for number in range(1, -(-size // CHUNK) + 1)}
        return {"upload": {"href": f"{base}/complete", "header": {"chunk_size": str(CHUNK), **parts}}, "verify": verify}

    def lfs_put(self, body: bytes, oid: str):
        self.server.uploaded[oid] = self.server.uploaded.get(oid, 0) + 1
        return self._keep(oid, self._torn(body))

    def lfs_part(self, body: bytes, oid: str, part: str):
        self.server.store.parts.setdefault(oid, {})[int(part)] = self._torn(body)
        return 200, {}, {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}

    def lfs_complete(self, body: bytes, oid: str):
        self.server.uploaded[oid] = self.server.uploaded.get(oid, 0) + 1
        asked = [part["partNumber"] for part in json.loads(body)["parts"]]
        return self._keep(oid, b"".join(self.server.store.parts[oid][number] for number in asked))

    def _torn(self, body: bytes) -> bytes:
        return body[: len(body) // 2] if self.server.faults.take(self.asked, "torn") else body

    def _keep(self, oid: str, content: bytes):
        """Like S3, take what comes; `lfs_verify` is where it is noticed."""
        self.server.store.lfs[oid] = content
        return 200, {}, {}

    def lfs_verify(self, body: bytes):
        oid = json.loads(body)["oid"]
        content = self.server.store.lfs.get(oid)
        if content is None or hashlib.sha256(content).hexdigest() != oid:
            self.server.store.lfs.pop(oid, None)
            raise _Refusal(422, message=f"The upload of {oid[:12]} is not what it should be")
        self.server.store.verified.add(oid)
        return 200, {}, {}

    def commit(self, body: bytes, repo: str, revision: str):
        self._may_write(repo.partition("/")[0])
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        files = dict(self._commit(repo, revision).files)
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = self.server.store.small(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.server.store.verified:
                    raise _Refusal(422, message=f"{value['path']}: the object {value['oid'][:12]} was never uploaded")
                files[value["path"]] = self.server.store.large(value["oid"])
            else:
                files.pop(value["path"], None)
        header = lines[0]["value"]
        made = self.server.store.add_commit(repo, revision, header["summary"], header.get("description", ""), files)
        url = f"{self.server.url}/{repo}/commit/{made.oid}"
        return 200, {"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""}, {}

    def resolve(self, body: bytes, repo: str, revision: str, path: str):
        commit = self._commit(repo, revision)
        if path not in commit.files:
            raise _Refusal(404, "EntryNotFound", "Entry not found")
        blob = commit.files[path]
        etag = blob.sha256 or blob.oid
        return 200, self.server.store.content(blob), {"ETag": f'"{etag}"', "X-Repo-Commit": commit.oid}
