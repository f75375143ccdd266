"""No content is hashed or sent twice: counted in every process of a run, and at the server."""

import json
import os
import subprocess
import sys
from collections import Counter
from hashlib import sha256

import pytest
from waiting import PATIENCE

from plugins.hub_revisions.conftest import checkpoint, deliver, entries, put

# Python runs it at every start: whoever hashes with sha256, in whichever process, is written down.
COUNTING = """
import hashlib, os

real = hashlib.sha256

class Counting:
    def __init__(self, data=b"", **options):
        self.hash, self.bytes = real(**options), 0
        self.update(data)

    def update(self, data):
        self.bytes += memoryview(data).nbytes
        self.hash.update(data)

    def hexdigest(self):
        if self.bytes > 1000:
            with open(os.environ["COUNTED"], "a") as file:
                file.write(self.hash.hexdigest() + "\\n")
        return self.hash.hexdigest()

    def digest(self):
        return bytes.fromhex(self.hexdigest())

    def __getattr__(self, name):
        return getattr(self.hash, name)

hashlib.sha256 = Counting
"""
# What a run does around three checkpoints, without the trainer.
RUN = """
import json, sys
from pathlib import Path
from callsheet import LogContext, ManifestRow
from callsheet.session.session import Session
from callsheet_plugins.hub_revisions import HubRevisions

run_dir, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
with Session(LogContext(run_dir, "me/model", "run", {}), {"hub_revisions": HubRevisions(**settings)}) as session:
    for step in (1, 2, 3):
        row = ManifestRow(f"checkpoint-{step}", step, 0.0, run_dir / f"checkpoint-{step}")
        session.lineup.hooks.on_checkpoint(state=session.state, row=row)
        session.late.add(row)
"""


@pytest.mark.parametrize("settings", [{"hub": "folder"}, {"hub": "huggingface", "repo": "me/model"}], ids=str)
def test_a_run_and_its_courier_hash_each_file_once_between_them(hub, run_dir, tmp_path, settings):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(COUNTING)
    paths = os.pathsep.join(filter(None, (str(tmp_path / "site"), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths, "COUNTED": str(tmp_path / "counted")}
    rows = [checkpoint(run_dir, step, size=4_000_000) for step in (1, 2, 3)]
    command = [sys.executable, "-c", RUN, str(run_dir), json.dumps(settings)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and len(entries(run_dir, "done")) == 3, done.stderr
    counted = Counter((tmp_path / "counted").read_text().split())
    weights = [sha256((row.path / "model.safetensors").read_bytes()).hexdigest() for row in rows]
    assert [counted[digest] for digest in weights] == [1, 1, 1]
    assert set(hub.uploaded.values()) <= {1}


def test_two_files_of_the_same_content_are_sent_once(hub, run_dir):
    row = checkpoint(run_dir, 1)
    content = (row.path / "model.safetensors").read_bytes()
    (row.path / "copy.safetensors").write_bytes(content)
    branch = put(run_dir, row, hub="huggingface", repo="me/model")
    deliver(run_dir)
    files = hub.store.files("me/model", branch)
    assert files["copy.safetensors"] == files["model.safetensors"] == content
    assert list(hub.uploaded.values()) == [1]


def test_two_entries_of_the_same_content_are_sent_once_though_both_are_worked_on(hub, run_dir):
    hub.latency = 0.05
    for step in (1, 2, 3, 4):
        put(run_dir, checkpoint(run_dir, step, seed=0), hub="huggingface", repo="me/model")
    deliver(run_dir, "--parallel", "2")
    assert len(entries(run_dir, "done")) == 4 and list(hub.uploaded.values()) == [1]
