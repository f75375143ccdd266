"""What a run directory says of where a run comes from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from waiting import PATIENCE

from callsheet import LogContext, Plugin, setting
from callsheet.plugins.lineup import Lineup
from callsheet.rundir.rundir import RunDir
from callsheet.session.provenance import provenance, write_start

TOKEN = "hf_" + "s" * 34


class Tracker(Plugin):
    """Tracks."""

    ranks = "all"
    project: str = setting("mine")
    api_key: str | None = setting(None)
    folder: Path = setting(Path("logs"))


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in which the run is started."""
    git(tmp_path, "init", "-b", "trial")
    for name in ("code.py", "notes.md"):
        (tmp_path / name).write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def of(*plugins: Plugin) -> dict[str, Any]:
    return provenance(Lineup({type(plugin).__name__.lower(): plugin for plugin in plugins}))


def test_the_commit_the_branch_and_the_number_of_changed_files_are_those_of_the_working_directory(repository: Path):
    clean = of()["git"]
    assert clean == {"commit": git(repository, "rev-parse", "HEAD"), "branch": "trial", "changed": 0}
    (repository / "code.py").write_text("2")
    (repository / "notes.md").unlink()
    (repository / "new").touch()  # not tracked: no part of the code
    assert of()["git"] == {**clean, "changed": 2}


def test_looking_at_a_repository_leaves_its_index_alone(repository: Path):
    index = repository / ".git" / "index"
    os.utime(repository / "code.py", (1, 1))  # git would note the new time, if it might
    before = index.read_bytes(), index.stat().st_mtime_ns
    of()
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_without_a_repository_without_a_commit_and_without_git_there_is_none(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert of()["git"] is None
    git(tmp_path, "init")
    assert of()["git"] is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert of()["git"] is None


def test_versions_are_those_that_are_installed():
    versions = of()["versions"]
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert all(version(name) == found for name, found in versions.items() if name != "python")
    assert {"callsheet", "torch", "transformers", "trl"} <= versions.keys()


def test_plugins_are_told_in_their_order_with_what_they_were_set_to():
    class Last(Plugin):
        """Comes last."""

    first, last = of(Tracker(project="ours", on_error="disable"), Last())["plugins"]
    assert [first["order"], first["name"], first["ranks"], first["on_error"]] == [1, "tracker", "all", "disable"]
    assert first["settings"]["project"] == "ours" and first["settings"]["folder"] == "logs"
    assert first["class"].endswith("test_provenance:Tracker") and first["distribution"] is None
    assert (last["order"], last["name"]) == (2, "last")


def test_no_secret_of_the_command_or_of_a_setting_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["callsheet", "train", f"trainer.args.hub_token={TOKEN}", "model.path=tiny"])
    monkeypatch.setenv("TRACKER_API_KEY", "a-key-of-its-own")
    lineup = Lineup({"tracker": Tracker(api_key="a-key-of-its-own", project="uses a-key-of-its-own")})
    write_start(RunDir(tmp_path), LogContext(tmp_path, run_config={"model": {"path": "tiny"}}), lineup, {})
    text = "".join(path.read_text() for path in tmp_path.iterdir())
    assert TOKEN not in text and "a-key-of-its-own" not in text
    assert json.loads((tmp_path / "run.json").read_text())["command"][-1] == "model.path=tiny"


def test_each_attempt_is_added_and_the_run_keeps_its_first_start(tmp_path: Path):
    run_dir, config = RunDir(tmp_path), {"model": {"path": "größe"}, "b": 1, "a": 2}
    ctx = LogContext(tmp_path, "trial", "run-1", config, {"tracker": "id-7"})
    write_start(run_dir, ctx, Lineup({}), {})
    first = run_dir.run()
    write_start(run_dir, ctx, Lineup({}), {**first, "status": "failed"})
    second = run_dir.run()
    assert second["started"] == first["started"] and second["status"] == "running"
    assert second["attempts"][:1] == first["attempts"] and len(second["attempts"]) == 2
    assert {attempt["pid"] for attempt in second["attempts"]} == {os.getpid()}
    assert (second["run"], second["experiment"], second["ids"]) == ("run-1", "trial", {"tracker": "id-7"})
    text = (tmp_path / "config.yaml").read_text()
    assert yaml.safe_load(text) == config and "größe" in text and text.index("b:") < text.index("a:")


def test_it_imports_nothing_of_what_it_names():
    code = (
        "import sys\nfrom callsheet.plugins.lineup import Lineup\n"
        "from callsheet.session.provenance import provenance\nassert provenance(Lineup({}))['versions']['torch']\n"
        "print(*{'torch', 'transformers', 'trl', 'datasets', 'accelerate'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == "\n", done.stdout + done.stderr
