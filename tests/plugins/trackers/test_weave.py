"""The real weave against a server on loopback: what arrives there, step by step, whatever the server does meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callsheet.records import LogContext
from callsheet.tracking import Rows
from callsheet_plugins.trackers.weave import project
from callsheet_plugins.trackers.weave.completions import sampled

from .followers import Follower, complete, followed, write_run
from .weave_server import KEY, served

TRACING = {"project_name": "me/p", "deadline_seconds": 8.0}
SCORERS = """
def right(prompt, completion):
    return completion == "2"

def length(prompt, completion):
    return len(completion)

def broken(prompt, completion):
    raise KeyError("a secret of the scorer")

def sometimes(prompt, completion):
    return {"2": 1, "nan": float("nan")}.get(completion, "a text")
"""


def rows(step: int, source: str = "eval") -> list[dict]:
    found = [("1+1=", "2"), ("2+1=", "nan"), ([{"role": "user", "content": "0+1="}], "<b>\x00\x1b[31m[/b]")]
    return [
        {
            "source": source,
            "index": index,
            "prompt": prompt,
            "completion": said,
            "rewards": {"short": 0.5},
            "scores": {"exact": index},
            "advantage": float("nan"),
        }
        for index, (prompt, said) in enumerate(found)
    ]


@pytest.fixture
def server():
    with served() as server:
        yield server


@pytest.fixture
def scorers(tmp_path: Path) -> dict[str, str]:
    """The environment in which `my_scorers` is found."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "my_scorers.py").write_text(SCORERS)
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path / "site"), os.environ.get("PYTHONPATH"))))}


def test_each_completion_is_a_traced_call(server, tmp_path):
    run = write_run(tmp_path / "run")
    complete(run, 4, rows(4))
    with Follower(run.path, "weave", TRACING, server.environment) as follower:
        follower.hear("sent")
        assert (
            KEY
            not in subprocess.run(["ps", "-ww", "-o", "args", str(follower.pid)], capture_output=True, text=True).stdout
        )
        complete(run, 4, rows(4, "rollouts"))
        complete(run, 8, rows(8))
        follower.order(finish="completed")
        assert follower.hear("ended", "failed").get("ids") == {
            "project": "me/p",
            "url": f"{server.environment['WANDB_BASE_URL']}/me/p/weave",
        }
    calls = server.named("completion")
    told = sorted(
        (call["inputs"]["step"], call["inputs"]["source"], call["attributes"]["callsheet_row"]) for call in calls
    )
    assert told == [
        (step, source, str(row)) for step, source in ((4, "eval"), (4, "rollouts"), (8, "eval")) for row in range(3)
    ]
    first, second, third = (call for call in calls if call["attributes"]["callsheet_key"].endswith("/8/eval"))
    by_row = {call["attributes"]["callsheet_row"]: call for call in (first, second, third)}
    assert by_row["0"]["inputs"]["prompt"] == "1+1="
    assert by_row["0"]["output"] == {"completion": "2", "rewards": {"short": 0.5}, "scores": {"exact": 0}}
    assert by_row["2"]["inputs"]["prompt"] == [{"role": "user", "content": "0+1="}]
    assert by_row["2"]["output"]["completion"] == "<b>\x00\x1b[31m[/b]"
    about = by_row["0"]["attributes"]
    assert (about["run"], about["arm"], about["seed"], about["model_name"]) == ("run", "arm-a", 1, "org/Tiny-1.5")
    assert not server.twice and not [name for name in os.listdir(tmp_path) if name not in ("run",)]


def test_with_scorers_each_step_is_an_evaluation_with_a_summary(server, tmp_path, scorers):
    run = write_run(tmp_path / "run")
    for step in (4, 8):
        complete(run, step, rows(step))
    names = ["right", "length", "broken", "sometimes", "gone"]
    settings = {
        **TRACING,
        "scorers": [f"my_scorers.{name}" for name in names],
        "dataset_name": "held out",
        "model_name": "org/My-1.5",
    }
    said = followed(run.path, "weave", settings, {**server.environment, **scorers})
    assert said.get("ended") == "completed", said
    evaluations = server.named("Evaluation.evaluate")
    assert [one["attributes"]["training_step"] for one in evaluations] == [4, 8]
    for one in evaluations:
        summary = one["output"]["output"]
        assert summary == {
            "total_predictions": 3,
            "successful_predictions": 3,
            "avg_right": 1 / 3,
            "avg_length": (1 + 3 + len(rows(4)[2]["completion"])) / 3,
            "failed_broken": 3,
            "avg_sometimes": 1,
            "failed_sometimes": 2,
            "failed_gone": 3,
        }
        assert one["attributes"]["model_name"] == "org/My-1.5" and "held-out" in one["inputs"]["self"]
        predictions = [each for each in server.named("Evaluation.predict_and_score") if each["parent_id"] == one["id"]]
        assert [each["output"]["scores"]["right"] for each in predictions] == [1, 0, 0]
    events = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    failed = {one["scorer"]: one for one in events if one["event"] == "scorer_failed"}
    assert set(failed) == {"my_scorers.broken", "my_scorers.sometimes", "my_scorers.gone"}
    assert (failed["my_scorers.broken"]["failed"], failed["my_scorers.broken"]["calls"]) == (6, 6)
    assert "KeyError" in failed["my_scorers.broken"]["error"] and failed["my_scorers.broken"]["package"] == "my_scorers"


def test_a_server_that_comes_back_gets_everything_once(server, tmp_path, scorers):
    run = write_run(tmp_path / "run")
    settings, environment = {**TRACING, "scorers": ["my_scorers.right"]}, {**server.environment, **scorers}
    complete(run, 4, rows(4))
    with Follower(run.path, "weave", settings, environment) as follower:
        follower.hear("sent")
        server.mood = "broken"
        complete(run, 8, rows(8))
        said = follower.hear("failed")
        assert "500" in said["failed"] or "weave gave up" in said["failed"]
    server.mood = "fine"
    assert followed(run.path, "weave", settings, environment)["ended"] == "completed"
    assert [one["attributes"]["training_step"] for one in server.named("Evaluation.evaluate")] == [4, 8]
    assert len(server.named("Evaluation.predict_and_score")) == 6 and not server.twice


def test_a_killed_process_that_had_sent_everything_sends_nothing_again(server, tmp_path):
    run = write_run(tmp_path / "run")
    complete(run, 4, rows(4))
    with Follower(run.path, "weave", TRACING, server.environment) as follower:
        follower.hear("sent")
        os.kill(follower.pid, signal.SIGKILL)
    (run.path / "trackers" / "weave.json").write_text("damaged")  # then all is in doubt
    server.calls.pop(server.named("completion")[0]["id"])  # and one had not arrived
    assert followed(run.path, "weave", TRACING, server.environment)["ended"] == "completed"
    assert len(server.named("completion")) == 3 and not server.twice


def test_a_server_that_never_answers_is_an_error_in_time(server, tmp_path):
    run = write_run(tmp_path / "run")
    complete(run, 4, rows(4))
    server.mood = "silent"
    said = followed(run.path, "weave", {**TRACING, "deadline_seconds": 1.0}, server.environment)
    assert "timed out" in said["failed"] and not said["for_good"]


def test_without_the_plugin_completions_it_samples_itself_at_each_evaluation(server, run_demo, monkeypatch):
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    mine = ["plugins.weave.project_name=me/p", "plugins.weave.num_prompts=3"]
    session = run_demo("plugins=[weave]", *mine, "plugins.weave.generation_config={max_new_tokens: 4}")
    kept = {file.name: file.read_text().splitlines() for file in (session.run_dir.path / "completions").iterdir()}
    assert {name: len(rows) for name, rows in kept.items()} == {"2.jsonl": 3, "4.jsonl": 3}
    calls = server.named("completion")
    assert sorted(call["inputs"]["step"] for call in calls) == [2, 2, 2, 4, 4, 4]
    rows = [json.loads(row) for rows in kept.values() for row in rows]
    assert {row["completion"] for row in rows} == {call["output"]["completion"] for call in calls}
    ids = session.run_dir.run()["ids"]
    assert ids["weave:project"] == "me/p"


def problems(make_plugin, *overrides: str, config: dict | None = None) -> list[str]:
    return list(make_plugin("weave", *overrides).problems(LogContext(Path("run"), run_config=config or {})))


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Neither a project nor credentials."""
    for name in ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_check_asks_for_a_project_and_credentials(make_plugin, nowhere):
    said = problems(make_plugin)
    assert len(said) == 2 and "plugins.weave.project_name=PROJECT" in said[0] and "WANDB_API_KEY" in said[1]
    (nowhere / ".netrc").write_text("machine api.wandb.ai login user password abc\n")
    assert problems(make_plugin, "plugins.weave.project_name=me/p") == []
    assert "'?'" in problems(make_plugin, "plugins.weave.project_name='a?b'")[0]
    assert (
        "dataset_name" in problems(make_plugin, "plugins.weave.project_name=p", "plugins.weave.dataset_name='///'")[0]
    )


def test_the_project_is_that_of_the_setting_then_the_client_then_the_run_of_wandb(nowhere, monkeypatch):
    class Known:
        entity, project = "me", "theirs"

    assert project.of(None, {}) is None
    monkeypatch.setenv("WANDB_PROJECT", "environment")
    assert project.of(None, {}) == "environment"
    config = {"plugins": {"wandb": {"entity": "me", "project": "of-the-plugin"}}}
    assert project.of(None, config) == "me/of-the-plugin"
    monkeypatch.setitem(sys.modules, "wandb", type("wandb", (), {"run": Known}))
    assert project.of(None, config) == "me/theirs"
    Known.project = "of-the-client"
    monkeypatch.setitem(sys.modules, "weave", type("weave", (), {"get_client": staticmethod(lambda: Known)}))
    assert project.of(None, config) == "me/of-the-client"
    assert project.of("mine", config) == "mine"


def test_scorers_are_checked_by_their_source(make_plugin, monkeypatch, scorers):
    monkeypatch.syspath_prepend(scorers["PYTHONPATH"].partition(os.pathsep)[0])
    wrong = ["my_scorers.rihgt", "nopackage.right", "right"]
    said = problems(make_plugin, f"plugins.weave.scorers=[{','.join(wrong)}]", "plugins.weave.project_name=p")
    assert "Did you mean 'right'?" in said[0] and "'nopackage'" in said[1] and "pkg.module.function" in said[2]
    assert "my_scorers" not in sys.modules


def test_rows_of_one_index_are_told_apart():
    table = Rows("completions", 1, 0.0, ["index", "prompt", "completion"], [[0, "a", "b"], [0, "a", "c"]])
    (one,) = sampled("run", table)
    assert [completion.row for completion in one.completions] == ["0", "0-2"]
