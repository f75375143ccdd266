"""A run that is an arm of an experiment: whose ids it has, which hooks are left to the driver, and who is no arm."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import warm

from callsheet import CallsheetError, LogContext, Plugin, hookimpl
from callsheet.distributed.world import ARM, DRIVER, arm_file, take_arm
from callsheet.session.session import Session

CLAIMED = {
    **{
        "name": "bema__s8",
        "method": "bema",
        "group": "bema",
        "seed": 8,
        "stage": None,
        "overrides": ["plugins=[bema]"],
    },
    "differs": {"plugins": "[bema]", "trainer.args.seed": "8"},
}
EXPERIMENT = {
    **{"experiment_id": "e1", "ids": {"group:bema": "g1", "tracker": "t1"}, "settings": {"base_seed": 7}, "arms": []},
}


class Diary(Plugin):
    """Writes down the hooks around the run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.said: list[Any] = []

    @hookimpl
    def on_experiment_start(self, ctx: LogContext) -> None:
        self.said.append("on_experiment_start")

    @hookimpl
    def on_run_start(self, ctx: LogContext) -> None:
        ctx.ids["run_id"] = "r1"
        self.said.append(("on_run_start", dict(ctx.ids), ctx.group_name))

    @hookimpl
    def on_run_end(self, ctx: LogContext, arm: Any) -> None:
        self.said.append(("on_run_end", arm.group, arm.repeat, dict(arm.config)))

    @hookimpl
    def on_experiment_end(self, ctx: LogContext) -> None:
        self.said.append("on_experiment_end")


@pytest.fixture
def arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an arm that a worker has claimed and handed to this process."""
    claimed = tmp_path / "arms" / "active" / "bema__s8.json"
    claimed.parent.mkdir(parents=True)
    claimed.write_text(json.dumps(CLAIMED))
    (tmp_path / "experiment.json").write_text(json.dumps(EXPERIMENT))
    monkeypatch.setenv(ARM, str(claimed))
    take_arm()
    return claimed


def run(folder: Path) -> tuple[Diary, dict[str, Any]]:
    diary = Diary()
    with Session(LogContext(folder, run=folder.name), {"diary": diary}):
        pass
    return diary, json.loads((folder / "run.json").read_text())


def test_an_arm_has_the_ids_of_its_experiment_and_leaves_its_hooks_to_the_driver(tmp_path: Path, arm: Path):
    diary, record = run(tmp_path / "bema__s8")
    ids = {"experiment_id": "e1", "group:bema": "g1", "tracker": "t1", "run_id": "r1"}
    assert diary.said == [
        ("on_run_start", ids, "bema"),
        ("on_run_end", "bema", 1, {"plugins": "[bema]", "trainer.args.seed": "8"}),
    ]
    assert record["ids"] == ids
    assert record["arm"] == {
        **{"experiment_id": "e1", "name": "bema__s8", "method": "bema", "group": "bema", "seed": 8, "stage": None},
        "differs": {"plugins": "[bema]", "trainer.args.seed": "8"},
    }


def test_a_plain_run_is_an_experiment_of_one_arm(tmp_path: Path):
    diary, record = run(tmp_path / "alone")
    assert [one if isinstance(one, str) else one[0] for one in diary.said] == [
        *("on_experiment_start", "on_run_start", "on_run_end", "on_experiment_end")
    ]
    assert diary.said[1] == ("on_run_start", {"run_id": "r1"}, None) and "arm" not in record


def test_an_arm_that_another_worker_took_is_refused_before_anything_is_written(tmp_path: Path, arm: Path):
    arm.unlink()
    with pytest.raises(CallsheetError, match="another worker has taken this arm"):
        run(tmp_path / "bema__s8")
    assert not (tmp_path / "bema__s8").exists()


def test_damage_is_named_with_its_field(tmp_path: Path, arm: Path):
    arm.write_text(json.dumps({**CLAIMED, "seed": "eight"}))
    with pytest.raises(CallsheetError, match=r"bema__s8.json: seed is text, a whole number or null is needed"):
        run(tmp_path / "bema__s8")


def test_the_ranks_of_an_arm_are_the_arm_and_what_else_it_starts_is_not(arm: Path):
    assert arm_file() == arm
    of_another = {ARM: json.dumps({"process": 7, "file": str(arm)})}
    assert arm_file({**of_another, DRIVER: "7"}) == arm and arm_file({**of_another, DRIVER: "8"}) is None
    asks = "from callsheet.distributed.world import arm_file, take_arm; take_arm(); print(arm_file())"
    done = warm.run([sys.executable, "-c", asks], capture_output=True, text=True)
    assert done.stdout.strip() == "None", done.stderr
