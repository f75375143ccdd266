"""The driver with a worker that settles each arm at once: what is begun, added, run again, and said of how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callsheet import CallsheetError, LogContext, Plugin, hookimpl
from callsheet.config.experiment import ExperimentSettings, SequentialSettings
from callsheet.experiments import results
from callsheet.experiments.arms import Arm
from callsheet.experiments.driver import record
from callsheet.experiments.driver.asked import Asked
from callsheet.experiments.driver.beginning import Begun
from callsheet.experiments.driver.drive import drive
from callsheet.experiments.driver.record import Command
from callsheet.experiments.places import DONE, FAILED, PENDING
from callsheet.experiments.queue import Attempt, Entry, Queue
from callsheet.experiments.queue.records import of
from callsheet.process.signals import Interrupted

SAID: list[str] = []


class Diary(Plugin):
    """Writes down the hooks of the driver."""

    @hookimpl
    def on_experiment_start(self, ctx: LogContext) -> None:
        SAID.append("start")

    @hookimpl
    def on_group_start(self, ctx: LogContext, group_name: str) -> None:
        SAID.append(group_name)

    @hookimpl
    def on_experiment_end(self, ctx: LogContext, result: Any) -> None:
        SAID.append(f"end: {result.status}")


@pytest.fixture(autouse=True)
def silence() -> None:
    SAID.clear()


def arms_of(*methods: str, repeats: int = 2) -> list[Entry]:
    arms = [Arm(f"{name}__s{seed}", name, group=name, seed=seed) for seed in range(repeats) for name in methods]
    return [of(arm, digest=arm.name) for arm in arms]


def asked(folder: Path, arms: Sequence[Entry], **settings: Any) -> Asked:
    return Asked(
        folder / "mine",
        ExperimentSettings(name="mine", **settings),
        Command(cwd=str(folder)),
        arms,
        lambda more: arms_of(*dict.fromkeys(arm.method for arm in arms), repeats=more.repeats),
        lambda: {"diary": Diary()},
    )


def worker(*fails: str, code: int = 0, most: int = 100) -> Callable[[Begun], int]:
    """Claims arms and settles them: those that it is told as failed. It has written no run."""

    def launch(begun: Begun) -> int:
        for number, name in enumerate(sorted(begun.queue.names(PENDING))[:most]):
            claim = begun.queue.claim(name, "w", number)
            assert claim
            entry = begun.queue.read_claimed(claim)
            assert entry
            status = "failed" if name in fails else "completed"
            attempt = Attempt("w", "here", 1, "then", status=status)
            (begun.folder / name).mkdir(exist_ok=True)
            settled = replace(entry, status=status, attempts=(*entry.attempts, attempt))
            begun.queue.settle(claim, settled, FAILED if status == "failed" else DONE)
        return code

    return launch


def driven(what: Asked, launch: Callable[[Begun], int]) -> int:
    return drive(what, lambda begun: None, launch).exit_code


def test_the_same_again_has_nothing_to_do(tmp_path: Path):
    mine = asked(tmp_path, arms_of("a", "b"))
    assert driven(mine, worker()) == 0 and SAID == ["start", "a", "b", "end: completed"]
    assert driven(mine, worker()) == 0 and len(SAID) == 4
    found = record.require(mine.folder)
    assert (found.status, len(found.arms)) == ("completed", 4) and (mine.folder / "experiment.md").exists()


def test_an_arm_that_failed_is_told_by_the_exit_code_and_stays(tmp_path: Path):
    mine = asked(tmp_path, arms_of("a", "b"))
    assert driven(mine, worker("b__s1")) == 1 and SAID[-1] == "end: failed"
    assert driven(mine, worker()) == 1
    assert driven(replace(mine, rerun=("b__s1",)), worker()) == 0
    assert SAID == ["start", "a", "b", "end: failed", "end: completed"]
    assert (mine.folder / "replaced" / "b__s1-1").is_dir()
    events = [json.loads(line) for line in (mine.folder / "events.jsonl").read_text().splitlines()]
    assert [(row["arm"], row["moved_to"]) for row in events if row["event"] == "rerun"] == [
        ("b__s1", "replaced/b__s1-1")
    ]


def record_of(folder: Path) -> dict[str, str]:
    return {arm["name"]: arm["status"] for arm in record.require(folder / "mine").arms if arm["status"]}


def test_arms_and_seeds_that_are_added_later_are_run_and_announced(tmp_path: Path):
    driven(asked(tmp_path, arms_of("a", "b")), worker())
    assert driven(asked(tmp_path, arms_of("a", "b", "c", repeats=3), repeats=3), worker()) == 0
    assert SAID[4:] == ["c", "end: completed"]
    found = record.require(tmp_path / "mine")
    assert len(found.arms) == 9 and found.settings["repeats"] == 3


def test_an_arm_is_added_beside_one_that_is_run_again(tmp_path: Path):
    driven(asked(tmp_path, arms_of("a", "b")), worker())
    assert driven(replace(asked(tmp_path, arms_of("a", "b", "c")), rerun=("a__s0",)), worker()) == 0
    assert {*record_of(tmp_path)} == {f"{arm}__s{seed}" for arm in "abc" for seed in (0, 1)}
    assert SAID[4:] == ["c", "end: completed"]


def test_seeds_are_added_until_there_are_as_many_as_there_may_be(tmp_path: Path):
    settings = {"repeats": 3, "sequential": SequentialSettings(max_repeats=5), "success_metric": "eval_loss"}
    assert driven(asked(tmp_path, arms_of("a", "b", repeats=3), **settings), worker()) == 0
    assert SAID == ["start", "a", "b", "end: completed"]
    assert len(record.require(tmp_path / "mine").arms) == 10


def test_a_signal_leaves_the_rest_for_the_same_command(tmp_path: Path):
    mine = asked(tmp_path, arms_of("a", "b"))
    with pytest.raises(Interrupted) as stopped:
        driven(mine, worker(code=130, most=1))
    assert stopped.value.exit_code == 130 and "callsheet experiment resume" in stopped.value.advice
    assert record.require(mine.folder).status == "interrupted" and SAID == ["start", "a", "b"]
    assert driven(mine, worker()) == 0 and SAID[3:] == ["end: completed"]


def test_a_worker_that_cannot_go_on_ends_the_driver_and_not_the_experiment(tmp_path: Path):
    mine = asked(tmp_path, arms_of("a", "b"))
    with pytest.raises(CallsheetError, match=r"exit code 1.*To go on: callsheet experiment resume"):
        driven(mine, worker(code=1, most=1))
    assert record.require(mine.folder).status == "failed" and "end" not in " ".join(SAID)
    assert driven(mine, worker()) == 0


def test_a_run_that_is_no_arm_is_left_alone(tmp_path: Path):
    (tmp_path / "mine" / "b__s0").mkdir(parents=True)
    (tmp_path / "mine" / "b__s0" / "run.json").write_text('{"status": "completed"}')
    with pytest.raises(
        CallsheetError, match="holds runs that are no arms of this experiment, and are called so: b__s0"
    ):
        driven(asked(tmp_path, arms_of("a", "b")), worker())
    assert not (tmp_path / "mine" / "experiment.json").exists()


@pytest.mark.parametrize(
    ("lies_there", "said"),
    [
        ("thesis.tex", "is not empty and holds no experiment, but thesis.tex. Choose another folder"),
        ("notes/thesis.tex", "but notes. Choose another folder"),
        ("run.json", "is the directory of a run. Begin the experiment elsewhere"),
    ],
)
def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, lies_there: str, said: str):
    file = tmp_path / "mine" / lies_there
    file.parent.mkdir(parents=True)
    file.write_text("{}")

    with pytest.raises(CallsheetError, match=said):
        driven(asked(tmp_path, arms_of("a", "b")), worker())
    assert [path for path in (tmp_path / "mine").rglob("*") if path.is_file()] == [file]


def test_it_begins_beside_plain_runs_of_its_name_and_what_a_killed_driver_left(tmp_path: Path):
    for there in (
        "trial/run.json",
        "old/experiment.json",
        "arms/pending/x",
        "logs/x",
        "slurm-3.out",
        ".experiment.lock",
    ):
        (tmp_path / "mine" / there).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / there).write_text("")
    (tmp_path / "mine" / "arms" / "pending" / "x").unlink()

    assert driven(asked(tmp_path, arms_of("a", "b")), worker()) == 0


def test_another_experiment_is_refused_before_anything_is_written(tmp_path: Path):
    driven(asked(tmp_path, arms_of("a", "b")), worker())
    before = (tmp_path / "mine" / "experiment.json").read_text()
    for other in (
        asked(tmp_path, arms_of("a", "b"), base_seed=7),
        asked(tmp_path, arms_of("a")),
        asked(tmp_path, arms_of("c", "a", "b")),
        asked(tmp_path, [replace(arm, digest="other") for arm in arms_of("a", "b")]),
        replace(asked(tmp_path, arms_of("a", "b")), rerun=("zz",)),
    ):
        with pytest.raises(CallsheetError):
            driven(other, worker())
    assert (tmp_path / "mine" / "experiment.json").read_text() == before


def test_an_arm_whose_file_was_deleted_is_missed_and_comes_back(tmp_path: Path):
    mine = asked(tmp_path, arms_of("a", "b"))
    driven(mine, worker())
    queue = Queue(mine.folder)
    (mine.folder / "a__s1").mkdir(exist_ok=True)
    (mine.folder / "a__s1" / "run.json").write_text('{"format": 1, "status": "completed"}')
    queue.path(DONE, "a__s1").unlink()

    for _ in range(2):  # what the driver writes at its end remembers it, too
        found = results.of(mine.folder)
        assert found.gone == ["a__s1"] and "its file in arms/ was deleted" in found.missing["a__s1"]
        assert f"callsheet experiment resume {mine.folder}" in found.missing["a__s1"]
        assert [row["state"] for row in found.rows if row["name"] == "a__s1"] == ["gone"]
        results.write(mine.folder, found, record.require(mine.folder).content())
        assert "its file in arms/ was deleted" in (mine.folder / "experiment.md").read_text()

    assert driven(mine, worker()) == 0 and not results.of(mine.folder).gone
    assert queue.state_of("a__s1") == DONE


def test_an_arm_that_a_driver_is_about_to_add_is_not_missed(tmp_path: Path):
    mine = asked(tmp_path, arms_of("a", "b"))
    driven(mine, worker())
    found = record.require(mine.folder)
    found.status = record.RUNNING
    found.arms.append({"name": "a__s2", "method": "a"})
    found.write(mine.folder)
    assert not results.of(mine.folder).gone
    (mine.folder / "logs" / "a__s2.log").touch()
    assert results.of(mine.folder).gone == ["a__s2"]
