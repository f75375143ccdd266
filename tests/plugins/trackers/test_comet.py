"""The real comet_ml, offline, in the process of a follower; and what its archives hold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest

from callsheet_plugins.trackers.comet import Comet, archives

from .comet_server import KEY, served
from .followers import Follower, complete, followed, log, score, write_run

OFFLINE = {"online": False, "project_name": "p", "tags": ["mine"]}


def messages(folder: Path) -> list[dict]:
    """What all archives hold, in the order in which they were made."""
    found = []
    for archive in sorted(folder.glob("*.zip"), key=lambda file: file.stat().st_mtime_ns):
        with zipfile.ZipFile(archive) as opened:
            found += [json.loads(line)["payload"] for line in opened.read("messages.json").splitlines()]
    return found


def metrics(folder: Path) -> list[tuple[str, int, object]]:
    found = [one["metric"] for one in messages(folder) if "metric" in one]
    return [
        (one["metricName"], one["step"], one["metricValue"]) for one in found if one["metricName"] != "process duration"
    ]


def others(folder: Path) -> dict[str, object]:
    return {one["key"]: one["value"] for one in messages(folder) if "key" in one}


def tables(folder: Path) -> dict[str, str]:
    found = {}
    for archive in folder.glob("*.zip"):
        with zipfile.ZipFile(archive) as opened:
            for line in opened.read("messages.json").splitlines():
                about = json.loads(line)["payload"]
                if name := (about.get("additional_params") or {}).get("fileName"):
                    found[name] = opened.read(about["file_path"]).decode()
    return found


def about(folder: Path) -> list[dict]:
    return [json.loads(zipfile.ZipFile(archive).read("experiment.json")) for archive in folder.glob("*.zip")]


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """A run with odd values, followed to its end, and a score that came later."""
    run = write_run(tmp_path_factory.mktemp("comet") / "arm-a__s1")
    for step in (1, 2, 3):
        log(run, step, loss=1 / step, note="x" * 10_000, nested={"deep": {"er": step}}, **{"a/b c\x00d": 1})
    log(run, 3, loss=None, rate="NaN")
    log(run, 2, "eval", eval_loss=0.5)
    log(run, 3, loss=9)  # a resumed run repeats steps
    complete(
        run,
        2,
        [{"prompt": "1+1=", "completion": '<script>alert(1)</script>\x00\x1b[31m, "b"\n[/b]', "rewards": {"r": 1}}],
    )
    complete(run, 3, [{"prompt": "1+1=", "completion": "x" * 1_000_000}])
    folder = run.path / "trackers" / "comet"
    first = followed(run.path, "comet", OFFLINE)
    assert first.get("ended") == "completed", first
    score(run, 1, "gsm8k", 0.25)
    assert followed(run.path, "comet", OFFLINE)["ended"] == "completed"
    return run.path, folder, first


def test_every_value_of_every_step_arrives_once(sent):
    found = metrics(sent[1])
    assert [one for one in found if one[0] == "train/loss"] == [
        ("train/loss", 1, 1.0),
        ("train/loss", 2, 0.5),
        ("train/loss", 3, 1 / 3),
    ]
    assert ("eval/loss", 2, 0.5) in found and ("train/nested/deep/er", 3, 3) in found
    assert len({one[:2] for one in found}) == len(found)


def test_a_score_that_comes_after_the_end_reaches_the_experiment_in_an_archive_of_its_own(sent):
    assert metrics(sent[1])[-1] == ("bench/gsm8k/exact_match", 1, 0.25)
    keys = {one["offline_id"] for one in about(sent[1])}
    assert len(about(sent[1])) == 2 and keys == {sent[2]["ids"]["experiment_key"]}
    assert sent[2]["ids"]["where"] == f"comet upload {sent[1]}/*.zip"
    assert {one["resume_strategy"] for one in about(sent[1])} == {"get_or_create"}  # so `comet upload` takes any order


def test_group_arm_and_seed_are_tags(sent):
    assert set(about(sent[1])[0]["tags"]) == {"mine", "group:sweep", "arm:arm-a", "seed:1"}
    known = others(sent[1])
    assert (known["Name"], known["arm"], known["status"]) == ("arm-a__s1", "arm-a", "completed")
    assert len(known["train/note"]) <= 1_000


def test_completions_are_tables(sent):
    found = tables(sent[1])
    assert set(found) == {"completions-eval-2.csv", "completions-eval-3.csv"}
    assert (
        "<script>alert(1)</script>" in found["completions-eval-2.csv"]
        and "rewards/r" in found["completions-eval-2.csv"]
    )
    assert len(found["completions-eval-3.csv"]) < 200_000


def test_nothing_is_logged_by_itself_and_nothing_stays_behind(sent):
    kinds = {one.get("upload_type") or (one.get("additional_params") or {}).get("type") for one in messages(sent[1])}
    assert not kinds & {"source-code", "git-patch"}
    assert not {"code", "env_details_message", "os_packages"} & {str(key) for one in messages(sent[1]) for key in one}
    assert not list((sent[1] / archives.UNFINISHED).iterdir())


def test_what_a_killed_process_wrote_is_archived_and_goes_on(tmp_path):
    run = write_run(tmp_path / "run")
    log(run, 1, loss=1.0)
    folder = run.path / "trackers" / "comet"
    with Follower(run.path, "comet", OFFLINE) as follower:
        follower.hear("sent")
        log(run, 2, loss=0.5)
        follower.hear("sent")
        os.kill(follower.pid, signal.SIGKILL)
    (data,) = (folder / archives.UNFINISHED).iterdir()
    with (data / archives.MESSAGES).open("a") as file:
        file.write('{"payload": {"metric"')  # torn
    log(run, 3, loss=0.25)
    (run.path / "trackers" / "comet.json").write_text("damaged")  # then all is in doubt
    assert followed(run.path, "comet", OFFLINE)["ended"] == "completed"
    assert sorted(one for one in metrics(folder) if one[0] == "train/loss") == [
        ("train/loss", 1, 1.0),
        ("train/loss", 2, 0.5),
        ("train/loss", 3, 0.25),
    ]
    ours, theirs = about(folder)
    assert ours.keys() == theirs.keys() and set(ours["tags"]) == set(theirs["tags"])
    assert type(ours["stop_time"]) is int


def test_online_a_late_score_goes_to_the_same_experiment(tmp_path):
    run = write_run(tmp_path / "run")
    log(run, 1, loss=1.0)
    with served() as server:
        with Follower(run.path, "comet", {"workspace": "me", "project_name": "p"}, server.environment) as follower:
            follower.hear("sent")
            shown = subprocess.run(
                ["ps", "-ww", "-o", "args", str(follower.pid)], capture_output=True, text=True
            ).stdout
            follower.order(finish="completed")
            said = follower.hear("ended", "failed")
        score(run, 1, "gsm8k", 0.25)
        followed(run.path, "comet", {"workspace": "me", "project_name": "p"}, server.environment)
    assert said.get("ids", {}).get("url", "").startswith("http://comet.example/"), said
    assert KEY not in shown and {one["experimentKey"] for one in server.begun} == {said["ids"]["experiment_key"]}
    found = [(one["metricName"], one["step"], one["metricValue"]) for one in server.metrics]
    assert [one for one in found if "/" in one[0]] == [("train/loss", 1, 1.0), ("bench/gsm8k/exact_match", 1, 0.25)]


def test_credentials_are_asked_for_before_a_run_begins(make_plugin, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMET_API_KEY", raising=False)
    problems = list(make_plugin("comet").problems(None))
    assert len(problems) == 1 and "COMET_API_KEY" in problems[0] and "plugins.comet.online=false" in problems[0]
    assert not list(make_plugin("comet", "plugins.comet.online=false").problems(None))
    (tmp_path / ".comet.config").write_text("[comet]\napi_key = abc\n")
    assert not list(make_plugin("comet").problems(None))
    assert Comet.modules == ("comet_ml",)
