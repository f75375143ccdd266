"""The hooks of an experiment: once each, in their order, with ids that outlive the driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callsheet import LogContext, Plugin, hookimpl
from callsheet.errors import PluginFailure
from callsheet.experiments.driver.announcing import Announcer
from callsheet.experiments.driver.record import Command, Record
from callsheet.results import ExperimentResult


class Diary(Plugin):
    """Writes down the hooks of the driver, and leaves an id in each."""

    fails: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.said: list[Any] = []

    @hookimpl
    def on_experiment_start(self, ctx: LogContext) -> None:
        ctx.ids["tracker"] = "t1"
        self.said.append("start")

    @hookimpl
    def on_group_start(self, ctx: LogContext, group_name: str) -> None:
        assert ctx.ids["tracker"] == "t1" and ctx.group_name == group_name
        ctx.ids[f"group:{group_name}"] = f"g-{group_name}"
        self.said.append(group_name)
        if self.fails:
            raise RuntimeError("no")

    @hookimpl
    def on_experiment_end(self, ctx: LogContext, result: ExperimentResult) -> None:
        assert {"tracker", "experiment_id"} <= {*ctx.ids}
        self.said.append("end")


def driver(folder: Path, **settings: Any) -> tuple[Diary, Announcer]:
    """A driver that knows of those before it what experiment.json said when the experiment began: nothing."""
    diary, record = Diary(**settings), Record("mine", Command(), {}, experiment_id="e1")
    return diary, Announcer(folder, record, {"diary": diary}, {})


def test_each_hook_is_called_once_however_often_a_driver_is_killed(tmp_path: Path):
    first, announcer = driver(tmp_path)
    announcer.begin(["a"])
    second, announcer = driver(tmp_path)
    announcer.begin(["a", "b", "a"])
    announcer.end(ExperimentResult([]))
    third, announcer = driver(tmp_path)
    announcer.begin(["a", "b"])
    announcer.end(ExperimentResult([]))
    assert (first.said, second.said, third.said) == (["start", "a"], ["b", "end"], [])
    ids = {"experiment_id": "e1", "tracker": "t1", "group:a": "g-a", "group:b": "g-b"}
    assert announcer.ctx.ids == ids and announcer.record.ids == ids


def test_an_experiment_that_is_added_to_ends_once_more(tmp_path: Path):
    _, announcer = driver(tmp_path)
    announcer.begin([])
    announcer.end(ExperimentResult([]))
    announcer.reopen()
    diary, announcer = driver(tmp_path)
    announcer.begin([])
    announcer.end(ExperimentResult([]))
    announcer.end(ExperimentResult([]))
    assert diary.said == ["end"]


def test_a_hook_that_ends_the_experiment_is_called_again_by_the_next_driver(tmp_path: Path):
    _, announcer = driver(tmp_path, fails=True, on_error="raise")
    with pytest.raises(PluginFailure, match="Plugin 'diary'"):
        announcer.begin(["a"])
    diary, announcer = driver(tmp_path)
    announcer.begin(["a"])
    assert diary.said == ["a"]


def test_a_line_that_a_kill_tore_counts_for_nothing(tmp_path: Path):
    _, announcer = driver(tmp_path)
    announcer.begin(["a"])
    events = tmp_path / "events.jsonl"
    events.write_text(events.read_text()[:-20])
    diary, announcer = driver(tmp_path)
    announcer.begin(["a"])
    assert diary.said == ["a"]
