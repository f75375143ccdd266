"""Completions that a plugin reports: the file, the hook, and what does not end the run."""

import json
import os
import resource
from pathlib import Path

import pytest

from callsheet import LogContext, Plugin, hookimpl
from callsheet.completions import files
from callsheet.plugins.lineup import Lineup
from callsheet.rundir.rundir import RunDir
from callsheet.session.announcer import Announcer


class Hears(Plugin):
    """Keeps what it is told of completions."""

    def __post_init__(self):
        super().__post_init__()
        self.heard = []

    @hookimpl
    def on_completions(self, ctx, rows, step):
        self.heard.append((step, [row["completion"] for row in rows]))


def row(index, completion, **fields):
    return {"prompt": "p", "index": index, "completion": completion, **fields}


class Run:
    def __init__(self, folder: Path, *, rank: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.hears, self.folder = Hears(), RunDir(folder, is_main=rank == 0)
        lineup = Lineup({"hears": self.hears}, rank=rank, world_size=2, log=self.folder.event)
        self.report = Announcer(self.folder, LogContext(folder), lineup).completions

    def kept(self, step):
        return [(found["source"], found["completion"]) for found in files.read(self.folder, step)]


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


def test_completions_are_written_and_announced(run):
    run.report([row(0, "a"), row(1, "b", scores={"s": 1})], 4)
    run.report([row(0, "c")], 12)
    assert run.hears.heard == [(4, ["a", "b"]), (12, ["c"])]
    assert run.kept(4) == [("eval", "a"), ("eval", "b")] and files.steps(run.folder) == [4, 12]


def test_a_repeated_step_replaces_the_rows_of_its_source_alone(run):
    run.report([row(0, "a"), row(1, "b")], 4)
    run.report([row(0, "r", source="rollouts")], 4)
    run.report([row(0, "again")], 4)
    assert run.kept(4) == [("rollouts", "r"), ("eval", "again")]


def test_a_line_that_is_damaged_costs_no_other(run):
    run.report([row(0, "r", source="rollouts")], 4)
    path = run.folder.path / "completions" / "4.jsonl"
    path.write_text(path.read_text() + '{"step": 4, "source": 3}\n{"torn')
    run.report([row(0, "a")], 4)
    assert run.kept(4) == [("rollouts", "r"), ("eval", "a")]


def test_nothing_is_announced_where_no_row_is_one(run, caplog):
    run.report([], 4)
    run.report(["text"], 4)
    assert run.hears.heard == [] and not (run.folder.path / "completions").exists()
    assert "State.report_completions was handed what it cannot take: a row is text" in caplog.text


def test_only_rank_0_writes(tmp_path):
    other = Run(tmp_path / "run", rank=1)
    other.report([row(0, "a")], 4)
    assert [*other.folder.path.iterdir()] == [] and other.hears.heard == []


def is_file(place: Path, elsewhere: Path) -> None:
    place.write_text("mine")


def is_link(place: Path, elsewhere: Path) -> None:
    elsewhere.mkdir()
    place.symlink_to(elsewhere)


def holds_link(place: Path, elsewhere: Path) -> None:
    place.mkdir()
    elsewhere.write_text("mine")
    (place / "4.jsonl").symlink_to(elsewhere)


def holds_fifo(place: Path, elsewhere: Path) -> None:
    place.mkdir()
    os.mkfifo(place / "4.jsonl")


@pytest.mark.parametrize("planted", [is_file, is_link, holds_link, holds_fifo])
def test_a_place_that_cannot_be_written_costs_the_file_and_not_the_run(run, tmp_path, caplog, planted):
    elsewhere = tmp_path / "elsewhere"
    planted(run.folder.path / "completions", elsewhere)
    before = elsewhere.read_text() if elsewhere.is_file() else None
    run.report([row(0, "a")], 4)
    assert run.hears.heard == [(4, ["a"])]
    assert "completions of step 4 are not kept" in caplog.text and "completions" in caplog.messages[-1]
    assert [event["event"] for event in run.folder.rows("events.jsonl")] == ["completions_lost"]
    assert not elsewhere.exists() or before == (elsewhere.read_text() if elsewhere.is_file() else None)
    assert not elsewhere.is_dir() or [*elsewhere.iterdir()] == []


def test_a_disk_that_takes_no_more_costs_the_file_and_not_the_run(run, caplog):
    run.report([row(0, "a", source="before")], 4)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        run.report([row(0, "b" * 1000)], 4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [step for step, _ in run.hears.heard] == [4, 4] and "File too large" in caplog.text
    assert run.kept(4) == [("before", "a")] and os.listdir(run.folder.path / "completions") == ["4.jsonl"]


def test_every_line_is_strict_json(run):
    run.report([row(float("inf"), "\x00\u2028", rewards={"r": float("nan")})], 4)
    lines = (run.folder.path / "completions" / "4.jsonl").read_text().split("\n")
    assert [json.loads(line)["rewards"] for line in lines if line] == [{"r": None}]
