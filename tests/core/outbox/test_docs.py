"""The example of docs/outbox.md does what the page says, through a real courier and real HTTP."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from callsheet import LogContext, ManifestRow
from callsheet.outbox import Outbox
from callsheet.outbox.store import EntryStore
from core.outbox.conftest import states

PAGE = (Path(__file__).parents[3] / "docs" / "outbox.md").read_text(encoding="utf-8")


@pytest.fixture
def ping(shipping):
    """Install the example as it stands on the page, and import it."""
    (project,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    (module,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    info = shipping / "callsheet_ping-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callsheet-ping\nVersion: 0.1.0\n")
    points = re.findall(r'entry-points\."([\w.]+)"\]\n(\w+) = "([\w.:]+)"', project)
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{name} = {what}\n" for group, name, what in points))
    (shipping / "callsheet_ping.py").write_text(module)


@pytest.fixture
def server():
    """Answers with each of `statuses` in turn, then with 200; `told` is what it was told."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = self.server.statuses.pop(0) if self.server.statuses else 200
            if status == 200:
                self.server.told.append((self.headers["Idempotency-Key"], content))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.statuses, server.told = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("statuses", "end"), [([503, 429], "done"), ([404], "failed")])
def test_the_example_of_the_page_works(tmp_path, ping, server, courier, make_plugin, monkeypatch, statuses, end):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.statuses[:] = statuses
    checkpoint = tmp_path / "run" / "checkpoint-2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "config.json").write_text('{"model_type": "llama"}')
    plugin = make_plugin("ping", f"plugins.ping.url=http://127.0.0.1:{server.server_port}/checkpoints")
    ctx = LogContext(tmp_path / "run", outbox=Outbox(tmp_path / "run"))
    plugin.on_checkpoint_complete(ctx=ctx, row=ManifestRow("checkpoint-2", 2, 0.5, checkpoint))
    process = courier(tmp_path / "run")
    assert process.wait(30) == 0
    (id,) = states(tmp_path / "run")[end]
    entry = EntryStore(tmp_path / "run").read(end, id)
    if end == "done":
        ((key, told),) = server.told
        assert key == "checkpoint-2" and told["step"] == 2 and told["config"] == {"model_type": "llama"}
        assert entry.attempts == 3 and entry.result == {"status": 200}
    else:
        assert "404" in entry.error and entry.advice == "Check plugins.ping.url."


def test_every_command_and_setting_of_the_page_exists():
    from dataclasses import fields

    from callsheet.cli.outbox import outbox
    from callsheet.outbox.settings import OutboxSettings

    assert {*re.findall(r"callsheet outbox ([a-z]+)", PAGE)} == {*outbox.commands} - {"list"}
    assert {*re.findall(r"`outbox\.(\w+)`", PAGE)} == {field.name for field in fields(OutboxSettings)}
