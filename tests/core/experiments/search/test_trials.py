"""Arms as trials of a study: the same values after every kill, and each told once."""

from __future__ import annotations

import json
import math
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from callsheet import CallsheetError
from callsheet.config.experiment import ExperimentSettings, HalvingSettings
from callsheet.experiments import search
from callsheet.experiments.arms import Arm
from callsheet.experiments.places import JOURNAL
from callsheet.experiments.search.journal import opened

from .conftest import LR, Experiment

SPACE = {"lr": LR, "size": {"low": 1, "high": 8}, "name": ["a", "b"], "plan": [[1, 2], {"k": None}]}


def arm(number: int) -> Arm:
    return Arm(f"trial-{number}", f"trial-{number}", trial=number)


def trials(directory: Path, direction: str = "minimize") -> list[optuna.trial.FrozenTrial]:
    return opened(directory / JOURNAL, direction).study.get_trials(deepcopy=False)


def settled(directory: Path, settings: ExperimentSettings, count: int, score: float = 1.0) -> list[tuple[str, ...]]:
    """The overrides of so many arms, each told before the next one is settled."""
    search.create(directory, settings)
    found = []
    for number in range(count):
        found.append(search.values(directory, arm(number), settings))
        search.tell(directory, f"trial-{number}", score, "completed", settings)
    return found


def test_a_searched_arm_gets_a_value_of_each_axis(tmp_path: Path, experiment: Experiment) -> None:
    values = dict(item.split("=", 1) for item in search.values(tmp_path, arm(0), experiment(SPACE)))

    assert [*values] == ["lr", "size", "name", "plan"]
    assert 1e-4 <= float(values["lr"]) <= 1e-1 and 1 <= int(values["size"]) <= 8
    assert values["name"] in ("a", "b") and values["plan"] in ("[1,2]", "{k:null}")


@pytest.mark.parametrize("sampler", ["TPESampler", "RandomSampler", "QMCSampler"])
def test_each_arm_draws_its_own_values_and_a_seed_repeats_them(
    tmp_path: Path, experiment: Experiment, sampler: str
) -> None:
    settings = experiment({"size": {"low": 1, "high": 10**6}}, sampler=sampler, seed=3)
    other = experiment({"size": {"low": 1, "high": 10**6}}, sampler=sampler, seed=4)

    for name in "abc":
        (tmp_path / name).mkdir()
    first = settled(tmp_path / "a", settings, 12)

    assert len({*first}) == 12
    assert settled(tmp_path / "b", settings, 12) == first
    assert settled(tmp_path / "c", other, 12) != first


@pytest.mark.parametrize("sampler", ["GridSampler", "BruteForceSampler"])
def test_a_grid_is_tried_whole(tmp_path: Path, experiment: Experiment, sampler: str) -> None:
    axes = {"a": [1, 2, 3], "b": {"low": 0.0, "high": 0.3, "step": 0.1}}

    assert len({*settled(tmp_path, experiment(axes, sampler=sampler, trials=12), 12)}) == 12


def test_the_sampler_learns_from_what_it_is_told(tmp_path: Path, experiment: Experiment) -> None:
    means = []
    for direction in ("minimize", "maximize"):
        settings = experiment({"x": {"low": 0.0, "high": 1.0}}, direction=direction)
        (tmp_path / direction).mkdir()
        tried = []
        for number in range(25):
            (value,) = search.values(tmp_path / direction, arm(number), settings)
            tried.append(float(value.removeprefix("x=")))
            search.tell(tmp_path / direction, f"trial-{number}", tried[-1], "completed", settings)
        means.append(sum(tried[-10:]) / 10)

    assert means[0] + 0.3 < means[1]


def test_an_arm_that_is_claimed_again_gets_the_same_values(tmp_path: Path, experiment: Experiment) -> None:
    settings = experiment(SPACE)
    first = search.values(tmp_path, arm(0), settings)

    assert search.values(tmp_path, arm(0), settings) == first
    search.tell(tmp_path, "trial-0", None, "failed", settings)
    assert search.values(tmp_path, arm(0), settings) == first
    assert len(trials(tmp_path)) == 1


def test_a_worker_killed_at_any_line_leaves_an_arm_that_goes_on(tmp_path: Path, experiment: Experiment) -> None:
    settings = experiment(SPACE)
    whole = search.values(tmp_path, arm(0), settings)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    assert len(lines) == 6  # the study, the trial, and a line for each value

    for count in range(len(lines)):
        (tmp_path / JOURNAL).write_bytes(b"".join(lines[:count]))
        again = search.values(tmp_path, arm(0), settings)
        assert again[: max(count - 2, 0)] == whole[: max(count - 2, 0)]
        assert search.values(tmp_path, arm(0), settings) == again and len(trials(tmp_path)) == 1


def _one(directory: Path, settings: ExperimentSettings, number: int) -> tuple[str, ...]:
    found = search.values(directory, arm(number), settings)
    search.tell(directory, f"trial-{number}", float(number), "completed", settings)
    return found


def test_workers_settle_at_the_same_time(tmp_path: Path, experiment: Experiment) -> None:
    settings = experiment({"lr": LR})

    with ProcessPoolExecutor(3) as pool:
        found = [*pool.map(_one, [tmp_path] * 12, [settings] * 12, range(12))]

    assert len({*found}) == 12
    assert sorted(t.value for t in trials(tmp_path)) == [float(n) for n in range(12)]  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("status", "score", "state"),
    [
        ("completed", 0.5, TrialState.COMPLETE),
        ("stopped", 0.5, TrialState.COMPLETE),
        ("completed", math.inf, TrialState.COMPLETE),
        ("completed", None, TrialState.FAIL),
        ("completed", math.nan, TrialState.FAIL),
        ("failed", 0.5, TrialState.FAIL),
        ("skipped", None, TrialState.FAIL),
        ("interrupted", None, TrialState.RUNNING),
    ],
)
def test_how_an_arm_ended_is_told_once(
    tmp_path: Path, experiment: Experiment, status: str, score: float | None, state: TrialState
) -> None:
    settings = experiment({"lr": LR})
    search.values(tmp_path, arm(0), settings)

    search.tell(tmp_path, "trial-0", score, status, settings)
    told = (tmp_path / JOURNAL).read_bytes()
    search.tell(tmp_path, "trial-0", score, status, settings)

    assert trials(tmp_path)[0].state is state and (tmp_path / JOURNAL).read_bytes() == told


def test_an_arm_without_a_trial_is_told_to_nobody(tmp_path: Path, experiment: Experiment) -> None:
    search.tell(tmp_path, "plain", 1.0, "completed", experiment())
    search.tell(tmp_path, "plain", 1.0, "completed", experiment({"lr": LR}))
    assert not (tmp_path / JOURNAL).exists()

    search.create(tmp_path, experiment({"lr": LR}))
    search.tell(tmp_path, "plain", 1.0, "completed", experiment({"lr": LR}))
    assert trials(tmp_path) == []


@pytest.mark.parametrize("space", [{}, {"lr": LR}])
def test_a_listed_arm_gets_no_values(tmp_path: Path, experiment: Experiment, space: dict[str, Any]) -> None:
    listed = Arm("plain", "plain", ("x=1",))

    assert search.values(tmp_path, listed, experiment(space)) == ()


def test_an_arm_that_is_tried_again_has_its_values_in_a_new_trial(tmp_path: Path, experiment: Experiment) -> None:
    settings = experiment(SPACE)
    first = search.values(tmp_path, arm(0), settings)
    search.try_again(tmp_path, "trial-0", settings)
    assert len(trials(tmp_path)) == 1  # it was not over

    search.tell(tmp_path, "trial-0", None, "failed", settings)
    search.try_again(tmp_path, "trial-0", settings)
    search.try_again(tmp_path, "unknown", settings)

    assert search.values(tmp_path, arm(0), settings) == first
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.FAIL, TrialState.RUNNING]


def test_a_study_of_another_direction_is_refused(tmp_path: Path, experiment: Experiment) -> None:
    search.create(tmp_path, experiment({"lr": LR}))
    search.create(tmp_path, experiment({"lr": LR}))

    with pytest.raises(CallsheetError, match="direction: minimize, and this one has direction: maximize"):
        search.create(tmp_path, experiment({"lr": LR}, direction="maximize"))


def test_nothing_is_made_for_an_experiment_without_search(tmp_path: Path, experiment: Experiment) -> None:
    search.create(tmp_path, experiment())
    assert [*tmp_path.iterdir()] == []
    search.create(tmp_path, experiment(halving=HalvingSettings(min_steps=2)))
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]


def test_a_new_study_prints_nothing(tmp_path: Path, experiment: Experiment, capfd: pytest.CaptureFixture[str]) -> None:
    settled(tmp_path, experiment({"lr": LR}), 2)

    assert capfd.readouterr() == ("", "")


DAMAGES = [b"garbage\n", b"{}\n", b"[1]\n", b"\n", b"\xff\xfe\n", b'{"op_code":5,"worker_id":"x"}\n']


@pytest.mark.parametrize("line", DAMAGES[:-1])
@pytest.mark.parametrize("place", [0, 2])
def test_a_damaged_line_is_named(tmp_path: Path, experiment: Experiment, line: bytes, place: int) -> None:
    settings = experiment({"lr": LR})
    search.values(tmp_path, arm(0), settings)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(b"".join([*lines[:place], line, *lines[place:]]))

    for use in (lambda: search.create(tmp_path, settings), lambda: search.values(tmp_path, arm(1), settings)):
        with pytest.raises(
            CallsheetError, match=rf"search\.log, line {place + 1}: this is no line of Optuna's journal"
        ):
            use()


@pytest.mark.parametrize("torn", [b"{", b'{"op_code":4,', b"x" * 200_000])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_a_full_disk_left_of_a_line_is_taken_away(
    tmp_path: Path, experiment: Experiment, torn: bytes, count: int
) -> None:
    settings = experiment({"lr": LR})
    search.values(tmp_path, arm(0), settings)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(b"".join(lines[:count]) + torn)

    search.create(tmp_path, settings)
    search.values(tmp_path, arm(1), settings)

    assert all(json.loads(line)["worker_id"] for line in (tmp_path / JOURNAL).read_bytes().splitlines())
    assert "trial-1" in {trial.user_attrs["arm"] for trial in trials(tmp_path)}


def test_damage_in_the_last_line_is_said_by_the_driver(tmp_path: Path, experiment: Experiment) -> None:
    settings = experiment({"lr": LR})
    search.values(tmp_path, arm(0), settings)
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(b"garbage\n")

    with pytest.raises(CallsheetError, match="line 4"):
        search.create(tmp_path, settings)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir(), "is a folder, no regular file. Move it away"),
        (os.mkfifo, "is a FIFO, no regular file"),
        (lambda path: path.symlink_to("elsewhere"), "is a symbolic link to elsewhere"),
    ],
)
def test_what_is_no_file_in_its_place_is_named(tmp_path: Path, experiment: Experiment, make: Any, said: str) -> None:
    make(tmp_path / JOURNAL)

    with pytest.raises(CallsheetError, match=said):
        search.create(tmp_path, experiment({"lr": LR}))
    assert not (tmp_path / "elsewhere").exists()
