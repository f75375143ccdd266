"""s3: every checkpoint arrives whole, and no upload makes training wait, fail or tell a secret."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]  # fsspec ships no types
import pytest
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from callsheet import LogContext, ManifestRow, PreflightReport
from callsheet.outbox import Delivery, Entry, Permanent, Transient
from callsheet_s3 import Shipping

RunDemo = Callable[..., Any]
MakePlugin = Callable[..., Any]


class Far(LocalFileSystem):
    """A store that fails when a test asks for it: far:///folder is /folder."""

    protocol = "far"
    failing: Exception | None = None

    def put_file(self, path1: str, path2: str, **options: Any) -> None:
        if Far.failing:
            raise Far.failing
        super().put_file(path1, path2, **options)


@pytest.fixture(autouse=True)
def far() -> Iterator[type[Far]]:
    fsspec.register_implementation("far", Far, clobber=True)
    yield Far
    Far.failing = None


@pytest.fixture
def put(make_plugin: MakePlugin, tmp_path: Path) -> Callable[..., list[str]]:
    """Call the plugin for one small checkpoint, without training, and return the names of the files it puts."""

    def call(*overrides: str) -> list[str]:
        checkpoint = tmp_path / "run" / "checkpoint-2"
        for name in ("model.safetensors", "trainer_state.json", "optimizer.pt", "training_args.bin", "bema/ema.pt"):
            (checkpoint / name).parent.mkdir(parents=True, exist_ok=True)
            (checkpoint / name).write_text("weights")
        (checkpoint / "callsheet" / "bema").mkdir(parents=True, exist_ok=True)
        (checkpoint / "callsheet" / "bema" / "state.json").write_text("{}")
        plugin = make_plugin("s3", f"plugins.s3.url=far://{tmp_path}/store", *overrides)
        row = ManifestRow("checkpoint-2", 2, 0.5, checkpoint)
        plugin.on_checkpoint_complete(ctx=LogContext(tmp_path / "run"), row=row)
        return sorted(entries(tmp_path / "run")[0]["files"])

    return call


def entries(run_dir: Path, state: str = "pending") -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in (run_dir / "outbox" / state).glob("*.json")]


def deliver(run_dir: Path) -> None:
    """What the courier does with the first entry."""
    entry = Entry(**entries(run_dir)[0])
    files = {name: run_dir / "snapshots" / entry.id / name for name in entry.files}
    Shipping(run_dir).deliver(Delivery(entry, run_dir, files))


def marker(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "_COMPLETE").read_text())["files"])


def test_every_checkpoint_arrives_whole_though_only_one_is_kept(run_demo: RunDemo, tmp_path: Path) -> None:
    """Through a real courier, which finds the handler by its entry point."""
    url = f"plugins.s3.url=file://{tmp_path}/store"
    session = run_demo("plugins=[s3]", url, "trainer.args.save_total_limit=1")
    assert sorted(folder.name for folder in (tmp_path / "store").iterdir()) == ["checkpoint-2", "checkpoint-4"]
    assert not (session.run_dir.path / "checkpoint-2").exists()
    for folder in (tmp_path / "store").iterdir():
        listed = marker(folder)
        assert {"model.safetensors", "config.json", "tokenizer.json", "trainer_state.json"} <= listed.keys()
        assert {path.name for path in folder.iterdir()} == {*listed, "_COMPLETE"}
        for name, entry in listed.items():
            content = (folder / name).read_bytes()
            assert entry == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    weights = (tmp_path / "store" / "checkpoint-4" / "model.safetensors").read_bytes()
    assert weights == (session.run_dir.path / "checkpoint-4" / "model.safetensors").read_bytes()


def test_what_could_not_be_shipped_is_kept_and_shipped_by_a_retry_and_a_drain(
    run_demo: RunDemo, tmp_path: Path
) -> None:
    (tmp_path / "store").write_text("a file in the way")
    settings = ("outbox.deadline_seconds=3", "outbox.linger_seconds=0", "trainer.args.save_total_limit=1")
    session = run_demo("plugins=[s3]", f"plugins.s3.url=file://{tmp_path}/store", *settings)
    assert session.result.status == "completed" and session.unpublished()["done"] == 0
    (tmp_path / "store").unlink()
    for command in (["retry", str(session.run_dir.path), "all"], ["drain", str(session.run_dir.path)]):
        said = subprocess.run([sys.executable, "-m", "callsheet", "outbox", *command], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert marker(tmp_path / "store" / "checkpoint-2") and marker(tmp_path / "store" / "checkpoint-4")


def test_only_the_model_goes_unless_more_is_asked_for(put: Callable[..., list[str]]) -> None:
    assert put() == ["model.safetensors", "trainer_state.json"]


def test_what_resuming_needs_goes_when_asked_for(put: Callable[..., list[str]]) -> None:
    resuming = ["callsheet/bema/state.json", "model.safetensors", "optimizer.pt", "trainer_state.json"]
    assert put("plugins.s3.optimizer=true") == resuming


def test_the_arguments_of_training_never_go(put: Callable[..., list[str]]) -> None:
    everything = put("plugins.s3.include=['**/*']")
    assert "bema/ema.pt" in everything and "training_args.bin" not in everything


@pytest.mark.parametrize(
    ("failing", "becomes"),
    [(ConnectionResetError("reset"), Transient), (PermissionError("not yours"), Permanent)],
)
def test_half_a_checkpoint_is_never_taken_for_a_whole_one(
    put: Callable[..., list[str]], far: type[Far], tmp_path: Path, failing: Exception, becomes: type[Exception]
) -> None:
    put()
    far.failing = failing
    with pytest.raises(becomes, match=str(failing)):
        deliver(tmp_path / "run")
    assert not (tmp_path / "store" / "checkpoint-2" / "_COMPLETE").exists()
    far.failing = None
    deliver(tmp_path / "run")
    assert marker(tmp_path / "store" / "checkpoint-2").keys() == {"model.safetensors", "trainer_state.json"}
    far.failing = failing
    deliver(tmp_path / "run")  # delivered again, it has nothing to do


def test_the_marker_goes_before_the_files_change(put: Callable[..., list[str]], far: type[Far], tmp_path: Path) -> None:
    put()
    (tmp_path / "store" / "checkpoint-2").mkdir(parents=True)
    (tmp_path / "store" / "checkpoint-2" / "_COMPLETE").write_text("{}")
    far.failing = ConnectionResetError("reset")
    with pytest.raises(Transient):
        deliver(tmp_path / "run")
    assert not (tmp_path / "store" / "checkpoint-2" / "_COMPLETE").exists()


def test_a_pattern_without_files_is_an_error(put: Callable[..., list[str]]) -> None:
    with pytest.raises(FileNotFoundError, match=r"matches plugins\.s3\.include"):
        put("plugins.s3.include=['*.safetensor']")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("file:///shelf/run", None),
        ("memory://run", None),
        ("s3://me:pa55@bucket/run", "url=s3://***@bucket/run holds credentials"),
        ("https://bucket/run?signature=pa55", "url=https://bucket/run?*** holds credentials"),
        ("s3://bucket/run", "needs a package that is not installed: pip install 'callsheet-s3[s3]'"),
        ("s4://bucket/run", "has a protocol that fsspec does not know: 's4'."),
        ("bucket/run", "is not a URL; s3://bucket/run and file:///folder/run are."),
    ],
)
def test_a_url_that_cannot_work_is_a_problem_before_training(
    make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch, url: str, problem: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    report = PreflightReport()
    make_plugin("s3", f"plugins.s3.url='{url}'").preflight(ctx=LogContext(Path()), report=report)
    assert not report.warnings and len(report.problems) == (problem is not None)
    assert problem is None or problem in report.problems[0]
    assert "pa55" not in str(report)


def test_a_pattern_that_leaves_the_checkpoint_is_a_problem(make_plugin: MakePlugin) -> None:
    report = PreflightReport()
    plugin = make_plugin("s3", "plugins.s3.url=memory://run", "plugins.s3.include=['*.json','../*']")
    plugin.preflight(ctx=LogContext(Path()), report=report)
    assert report.problems == ["plugins.s3.include: '../*' is no pattern of files inside a checkpoint."]


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_s3")
