"""The page that wandb-workspaces makes for a project: read back from what W&B's server was sent."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from callsheet.session.status import status_of
from callsheet.tracking.follower.translating import metrics, score
from callsheet_plugins.trackers.wandb import Wandb
from callsheet_plugins.trackers.wandb.charts import sections
from plugins.trackers.followers import Follower, log, write_run
from plugins.trackers.followers import score as scored
from plugins.trackers.wandb_server import WandbServer, served

NAMES = Wandb.names
GRPO = {"name": "grpo", "trainer_class": "trl.GRPOTrainer", "args": {"beta": 0.04, "eval_strategy": "steps"}}
BENCHMARKS = {"benchmarks": {"benchmarks": ["gsm8k", "a.b"]}}
CONFIG = {"trainer": GRPO, "plugins": BENCHMARKS}
# Several projects in one process, as importing wandb takes seconds; what is printed last is the page of each.
PROCESS = """
import json, logging, sys
from pathlib import Path
from types import SimpleNamespace
logging.basicConfig(level=logging.WARNING, format="%(message)s")
from callsheet_plugins.trackers.wandb import Wandb, page as module
from plugins.trackers.made import tracked

module.LONGEST_WAIT = 100
run, found = tracked(Path(sys.argv[1])), {}
for project in json.loads(sys.argv[2]):
    opened = SimpleNamespace(url=f"http://it/me/{project}/runs/1", entity="me", project=project)
    deadline = 1 if project == "silent" else 400
    page = module.Page(opened, run, Wandb(deadline_seconds=deadline, page=project != "unwanted"))
    page.wait()
    found[project] = page.ids()
print(json.dumps(found))
"""


@pytest.fixture
def server():
    with served() as server:
        yield server


def pages(server: WandbServer, tmp_path: Path, *projects: str, path: str = "") -> tuple[dict[str, Any], str]:
    """The page of each project, and the log."""
    tests = str(Path(__file__).parents[2])
    environment = {**os.environ, **server.environment, "PYTHONPATH": os.pathsep.join([path, tests])}
    command = [sys.executable, "-c", PROCESS, str(tmp_path), json.dumps(projects)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def shown_by(run_dir: Path, server: WandbServer, asked: int) -> dict[str, Any]:
    """What the follower says at its end, which comes once the server was asked `asked` times for its views."""
    with Follower(run_dir, "wandb", {"project": "p"}, server.environment) as follower:
        while server.asked.count("Views") < asked:
            time.sleep(0.05)
        follower.order(finish="completed")
        return follower.hear("ended", "failed")


def charts(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The titles by section."""
    return {each.name: [chart.title for chart in each.charts] for each in sections(config, NAMES.fit)}


def lines(config: Mapping[str, Any], title: str, names: list[str]) -> list[str]:
    """Which of `names` the chart shows."""
    [chart] = [chart for each in sections(config, NAMES.fit) for chart in each.charts if chart.title == title]
    return [name for name in names if name in chart.y or (chart.pattern and re.search(chart.pattern, name))]


def sent(split: str, **logged: float) -> list[str]:
    point = metrics({"step": 1, "split": split, **logged}, NAMES, 0.0)
    return [*point.values] if point else []


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """Two runs of one project, and the first again after its page was deleted; each with what was at the server then."""
    root, seen = tmp_path_factory.mktemp("page"), []
    folder = write_run(root / "first", CONFIG)
    log(folder, 1, loss=1.0, reward=0.5)
    scored(folder, 1, "gsm8k", 0.25)
    write_run(root / "second", CONFIG)
    with served() as server:
        for name, asked in (("first", 2), ("second", 3)):
            seen.append((shown_by(root / name, server, asked), server.of("p")))
        server.views.clear()
        seen.append((shown_by(root / "first", server, asked=3), server.of("p")))
        yield root, server, seen


def test_a_project_gets_one_page_that_every_run_of_it_knows(followed):
    root, server, ((first, [view]), (second, views), _) = followed

    assert first["ids"]["page"] == second["ids"]["page"] == f"{server.url}/me/p?nw=callsheet"
    assert views == [view] and (view["displayName"], view["entityName"]) == ("Callsheet", "me")
    assert status_of(root / "first").tracked["wandb page"] == first["ids"]["page"]


def test_its_charts_are_of_what_was_sent_and_fold_arms_and_seeds(followed):
    _, server, ((_, [view]), *_) = followed
    spec = json.loads(view["spec"])["section"]
    shown = {
        panel["config"]["chartTitle"]: panel["config"]
        for each in spec["panelBankConfig"]["sections"]
        for panel in each["panels"]
    }
    trained, one_scored = server.history

    assert [key["name"] for key in spec["runSets"][0]["grouping"]] == ["group", "jobType"]
    assert spec["settings"]["shouldAutoGeneratePanels"]
    assert {"Loss", "Learning rate", "Reward", "KL", "Completion length", "gsm8k"} <= shown.keys()
    assert shown["Loss"]["metrics"][0] in trained and shown["Reward"]["metrics"][0] in trained
    assert shown["Loss"]["xAxis"] in trained and one_scored[shown["gsm8k"]["xAxis"]] == 1
    assert shown["gsm8k"]["useMetricRegex"] and re.search(shown["gsm8k"]["metricRegex"], "bench/gsm8k/exact_match")


def test_a_page_that_was_deleted_does_not_come_back_with_its_run(followed):
    _, server, ((first, _), _, (again, views)) = followed

    assert views == [] and server.asked.count("Views") == 3 and again["ids"]["page"] == first["ids"]["page"]


def test_what_fails_is_said_once_and_two_runs_at_once_make_one_page(tmp_path, server):
    for name in "abcd":
        server.add(name=f"nw-{name}-v", displayName=name, projectName="crowded")
    server.add(name="nw-mine-v", displayName="Callsheet", projectName="crowded")
    found, said = pages(server, tmp_path, "racing", "crowded", "unwanted", "refusing", "silent")

    [kept] = server.of("racing")
    assert kept["createdAt"].startswith("2026-11-27") and found["racing"] == {
        "page": "http://it/me/racing?nw=callsheet"
    }
    assert found["crowded"] == {"page": "http://it/me/crowded?nw=mine"} and len(server.of("crowded")) == 5
    assert found["unwanted"] == found["refusing"] == found["silent"] == {} and server.of("unwanted") == []
    assert said.count("No page is made at W&B") == 2
    assert "permission denied" in said and "did not answer before the run's end" in said


def test_without_the_package_the_log_says_how_to_get_it(tmp_path, server):
    (tmp_path / "wandb_workspaces.py").write_text("raise ModuleNotFoundError(\"No module named 'wandb_workspaces'\")")
    found, said = pages(server, tmp_path, "p", path=str(tmp_path))

    assert found == {"p": {}} and server.asked == []
    assert said.count("pip install 'callsheet[wandb]'") == 1 and "No module named 'wandb_workspaces'" in said


@pytest.mark.parametrize(
    ("trainer", "has", "lacks"),
    [
        ({"name": "sft"}, {"Loss", "Token accuracy"}, {"Reward", "KL", "Scores of checkpoints"}),
        ({"name": "grpo"}, {"Reward", "Completion length"}, {"KL", "Token accuracy"}),
        ({"name": "mine", "trainer_class": "mine.MyGRPOTrainer", "args": {"beta": 0.1}}, {"Reward", "KL"}, set()),
        ({"name": "rloo"}, {"Reward", "KL"}, set()),
        ({"name": "rloo", "args": {"beta": 0.0}}, {"Reward"}, {"KL"}),
        ({"name": "dpo"}, {"Margin of rewards", "Accuracy of rewards"}, {"Reward", "KL"}),
        ({"name": "kto"}, {"Margin of rewards", "KL"}, {"Accuracy of rewards"}),
        ({"name": "reward", "trainer_class": "trl.RewardTrainer"}, {"Margin"}, {"Reward", "KL"}),
        ({}, {"Loss"}, {"Reward"}),
    ],
)
def test_a_chart_is_there_for_what_the_trainer_logs(trainer, has, lacks):
    titles = {title for each in charts({"trainer": trainer}).values() for title in each}

    assert has <= titles and not lacks & titles


def test_scores_raw_and_averaged_are_in_one_chart_without_their_steps():
    rows = [{"name": name, "step": 2, "metrics": {"exact_match": 0.5, "st": 1.0, "steps": 9.0}, "weights": weights}
            for name in ("gsm8k", "a.b", "axb") for weights in ("raw", "bema")]  # fmt: skip
    names = [name for row in rows for name in score(row, NAMES, 2, 0.0).values]
    steps = ["bench/step", "bench/gsm8k/step", "bench/gsm8k/bema/step", "bench/a.b/step"]

    assert lines(CONFIG, "Scores of checkpoints", [*names, *steps]) == names
    assert lines(CONFIG, "gsm8k", [*names, *steps]) == [name for name in names if "gsm8k" in name]
    assert lines(CONFIG, "a.b", [*names, *steps]) == [name for name in names if "a.b" in name]


def test_charts_name_metrics_as_the_follower_sends_them():
    several = {**CONFIG, "dataset": {"eval": {"easy": "a.jsonl", "hard": "b.jsonl"}}}
    named = [*sent("easy", eval_easy_loss=1.0), *sent("hard", eval_hard_loss=1.0)]
    rewards = {"rewards/right/mean": 1.0, "rewards/right/std": 0.0}

    assert lines(CONFIG, "Loss", both := [*sent("train", loss=1.0), *sent("eval", eval_loss=1.0)]) == both
    assert lines(several, "Loss", named) == named
    assert lines({"trainer": {}}, "Loss", both) == ["train/loss"]
    assert lines(CONFIG, "Reward by function", sent("train", **rewards)) == ["train/rewards/right/mean"]
    length = sent("train", **{"completions/mean_length": 9.0})
    assert lines(CONFIG, "Completion length", length) == length
