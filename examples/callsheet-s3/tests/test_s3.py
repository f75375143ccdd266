"""s3: every checkpoint arrives whole, and no upload makes training wait, fail or tell a secret."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import fsspec  # type: ignore[import-untyped]  # fsspec ships no types
import pytest
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

import callsheet_s3
from callsheet import ArmResult, LogContext, LoopState, ManifestRow, Plugin, Report, RunResult, hookimpl

RunDemo = Callable[..., Any]
MakePlugin = Callable[..., Any]
ShipOne = Callable[..., Path]


class Far(LocalFileSystem):
    """A store that is slow and unreliable when a test asks for it: far://user:password@host/folder is /folder."""

    protocol = "far"
    reachable = Event()
    failures = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.partition("@host")[2] or path)

    def put_file(self, path1: str, path2: str, **options: Any) -> None:
        self.reachable.wait(5)
        if Far.failures > 0:
            Far.failures -= 1
            raise ConnectionResetError("far://me:pa55/w0rd@host did not answer to pa55/w0rd")
        super().put_file(path1, path2, **options)


@pytest.fixture(autouse=True)
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Far]]:
    fsspec.register_implementation("far", Far, clobber=True)
    monkeypatch.setattr(callsheet_s3, "FIRST_DELAY_SECONDS", 0.01)
    Far.reachable.set()
    Far.failures = 0
    yield Far
    Far.reachable.set()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The setting that ships to the folder `store`."""
    return f"plugins.s3.url=far://me:pa55/w0rd@host{tmp_path}/store"


@pytest.fixture
def ship(run_demo: RunDemo, url: str) -> RunDemo:
    """Train the demo with the plugin."""
    return lambda *overrides, **options: run_demo("plugins=[s3]", url, *overrides, **options)


@pytest.fixture
def ship_one(make_plugin: MakePlugin, url: str, tmp_path: Path) -> ShipOne:
    """Call the plugin for one small checkpoint, without training, and return where it arrives."""

    def call(*overrides: str, weights: str = "weights") -> Path:
        checkpoint = tmp_path / "run" / "checkpoint-2"
        for name in ("model.safetensors", "trainer_state.json", "optimizer.pt", "training_args.bin", "bema/ema.pt"):
            (checkpoint / name).parent.mkdir(parents=True, exist_ok=True)
            (checkpoint / name).unlink(missing_ok=True)
            (checkpoint / name).write_text(weights)
        (checkpoint / "callsheet" / "bema").mkdir(parents=True, exist_ok=True)
        (checkpoint / "callsheet" / "bema" / "state.json").write_text("{}")
        ctx = LogContext(tmp_path / "run")
        plugin = make_plugin("s3", url, *overrides)
        plugin.on_run_start(ctx=ctx)
        state = LoopState(ctx, lambda *a: None, lambda *a: None)
        plugin.on_checkpoint(state=state, row=ManifestRow("checkpoint-2", 2, 0.5, checkpoint))
        plugin.on_run_end(ctx=ctx, run_result=RunResult("completed"), arm=ArmResult("run"))
        return tmp_path / "store" / "checkpoint-2"

    return call


def marker(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "_COMPLETE").read_text())["files"])


def snapshots(session: Any) -> list[str]:
    return sorted(folder.name for folder in (session.run_dir.path / "snapshots" / "s3").iterdir())


def test_every_checkpoint_arrives_whole(ship: RunDemo, tmp_path: Path) -> None:
    session = ship()
    assert sorted(folder.name for folder in (tmp_path / "store").iterdir()) == ["checkpoint-2", "checkpoint-4"]
    for folder in (tmp_path / "store").iterdir():
        listed = marker(folder)
        assert {"model.safetensors", "config.json", "tokenizer.json", "trainer_state.json"} <= listed.keys()
        assert {path.name for path in folder.iterdir()} == {*listed, "_COMPLETE"}
        for name, entry in listed.items():
            content = (folder / name).read_bytes()
            assert content == (session.run_dir.path / folder.name / name).read_bytes()
            assert entry == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert snapshots(session) == []


def test_only_the_model_goes_unless_more_is_asked_for(ship_one: ShipOne) -> None:
    assert marker(ship_one()).keys() == {"model.safetensors", "trainer_state.json"}
    resuming = {"optimizer.pt", "callsheet/bema/state.json"}
    assert marker(ship_one("plugins.s3.optimizer=true")).keys() == {
        "model.safetensors",
        "trainer_state.json",
        *resuming,
    }
    everything = marker(ship_one("plugins.s3.include=['**/*']")).keys()
    assert "bema/ema.pt" in everything and "training_args.bin" not in everything


class Arrives(Plugin):
    """Lets uploads through only once training is over."""

    @hookimpl
    def on_train_end(self) -> None:  # type: ignore[override]  # a hook may leave out arguments it does not need
        Far.reachable.set()


def test_training_neither_waits_nor_loses_what_it_rotates_away(ship: RunDemo, far: type[Far], tmp_path: Path) -> None:
    far.reachable.clear()
    session = ship("trainer.args.save_total_limit=1", plugins=[Arrives()])
    assert session.lineup.cost()["s3"]["on_checkpoint"]["slowest"] < 1
    assert not (session.run_dir.path / "checkpoint-2").exists()
    assert "model.safetensors" in marker(tmp_path / "store" / "checkpoint-2")


def test_files_are_copied_where_links_fail(ship_one: ShipOne, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    assert "model.safetensors" in marker(ship_one())


def test_a_failed_upload_is_tried_again(ship_one: ShipOne, far: type[Far], caplog: Any) -> None:
    far.failures = 3
    assert marker(ship_one("plugins.s3.retries=3")) and not caplog.messages


def test_what_fails_is_kept_and_said_without_a_secret(
    ship: RunDemo, far: type[Far], tmp_path: Path, caplog: Any
) -> None:
    far.failures = 1
    session = ship("plugins.s3.retries=0")
    assert session.result.status == "completed" and snapshots(session) == ["checkpoint-2"]
    assert not (tmp_path / "store" / "checkpoint-2" / "_COMPLETE").exists()
    failed, left = caplog.messages
    assert "checkpoint-2 could not be shipped to far://***@host" in failed and "ConnectionResetError" in failed
    assert "checkpoint-2. It is kept in" in left and str(session.run_dir.path) in left
    assert "pa55" not in caplog.text and "w0rd" not in caplog.text


def test_the_next_attempt_ships_what_an_earlier_one_left(ship: RunDemo, far: type[Far], tmp_path: Path) -> None:
    far.failures = 2
    assert snapshots(ship("plugins.s3.retries=0")) == ["checkpoint-2", "checkpoint-4"]
    torn = tmp_path / "run" / "snapshots" / "s3" / "checkpoint-6" / "1.part"
    torn.mkdir(parents=True)
    session = ship()
    assert marker(tmp_path / "store" / "checkpoint-2") and marker(tmp_path / "store" / "checkpoint-4")
    assert snapshots(session) == ["checkpoint-6"] and not torn.exists()
    assert not (tmp_path / "store" / "checkpoint-6").exists()


def test_the_marker_goes_before_the_files_change(ship_one: ShipOne, far: type[Far]) -> None:
    assert (ship_one() / "_COMPLETE").exists()
    far.failures = 1
    assert not (ship_one("plugins.s3.retries=0") / "_COMPLETE").exists()


def test_a_step_saved_again_replaces_what_was_left_of_it(ship_one: ShipOne, far: type[Far], tmp_path: Path) -> None:
    far.failures = 2
    ship_one("plugins.s3.retries=0", weights="old")
    arrived = ship_one("plugins.s3.retries=0", weights="new")
    assert marker(arrived) and (arrived / "model.safetensors").read_text() == "new"
    assert not list((tmp_path / "run" / "snapshots" / "s3").iterdir())


def test_the_wait_at_the_end_has_a_deadline(ship: RunDemo, far: type[Far], caplog: Any) -> None:
    far.reachable.clear()
    session = ship("plugins.s3.deadline_seconds=0.2")
    assert 0.2 <= session.lineup.cost()["s3"]["on_run_end"]["seconds"] < 2
    assert "checkpoint-2, checkpoint-4. It is kept in" in caplog.text


def test_a_pattern_without_files_makes_no_complete_checkpoint(ship_one: ShipOne, caplog: Any) -> None:
    assert not (ship_one("plugins.s3.include=['*.safetensor']") / "_COMPLETE").exists()
    assert "none of its files matches" in caplog.text


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("file:///shelf/run", None),
        ("memory://run", None),
        ("s3://me:pa55@bucket/run", "s3://***@bucket/run needs a package that is not installed: "
         "pip install 'callsheet-s3[s3]'"),
        ("s4://bucket/run", "has a protocol that fsspec does not know: 's4'."),
        ("bucket/run", "is not a URL; s3://bucket/run and file:///folder/run are."),
    ],
)  # fmt: skip
def test_a_url_that_cannot_work_is_a_problem_before_training(
    make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch, url: str, problem: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    report = Report()
    make_plugin("s3", f"plugins.s3.url='{url}'").preflight(ctx=LogContext(Path()), report=report)
    assert not report.warnings and len(report.problems) == (problem is not None)
    assert problem is None or problem in report.problems[0]
    assert "pa55" not in str(report)


def test_a_pattern_that_leaves_the_checkpoint_is_a_problem(make_plugin: MakePlugin) -> None:
    report = Report()
    plugin = make_plugin("s3", "plugins.s3.url=memory://run", "plugins.s3.include=['*.json','../*']")
    plugin.preflight(ctx=LogContext(Path()), report=report)
    assert report.problems == ["plugins.s3.include: '../*' is no pattern of files inside a checkpoint."]


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_s3")
