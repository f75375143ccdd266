"""Scores in the model cards of published revisions."""

import shutil

import pytest
from huggingface_hub import ModelCard

from callsheet import EvalResult, LogContext
from callsheet.outbox.counts import gone_of
from callsheet_plugins.hub_revisions import HubRevisions
from callsheet_plugins.hub_revisions.card import card
from callsheet_plugins.hub_revisions.scores import with_scores
from plugins.hub_revisions.conftest import announce, checkpoint, deliver, entries, put

SETTINGS = {"hub": "huggingface", "repo": "me/model"}


def score(run_dir, commit, value, name="gsm8k", settings=SETTINGS, **tags):
    result = EvalResult(name, {"exact_match": value, "exact_match_stderr": 0.1, "bad": float("nan")}, step=3,
                        commit=commit, tags={"branch": "main-step-000000003", **tags})  # fmt: skip
    HubRevisions(**settings).on_benchmark_eval(LogContext(run_dir, "me/model"), result, [], 3)


def readme(hub, branch="main-step-000000003"):
    return hub.store.files("me/model", branch)["README.md"].decode()


def test_a_card_gets_a_model_index_and_a_table_and_a_later_score_takes_the_place_of_the_first():
    text = card("model", 3, 1.0, {"eval_loss": 0.5}, {})
    scored = {"benchmark": "gsm8k", "task": "gsm8k", "metrics": {"exact_match": 0.25}}
    for metrics in ({"exact_match": 0.25}, {"exact_match": 0.75}):
        text = with_scores(text, "model main", {**scored, "metrics": metrics})
    text = with_scores(text, "model main", {**scored, "benchmark": "ifeval", "task": "ifeval"})
    found = ModelCard(text)
    assert {(row.dataset_name, row.metric_value) for row in found.data.eval_results} == {
        ("gsm8k", 0.75),
        ("ifeval", 0.25),
    }
    assert found.text.count("## Evaluation") == 1 and "| gsm8k | exact_match | 0.75 |" in found.text
    assert "| eval_loss | 0.5 |" in found.text and found.data.tags == ["callsheet"]
    again = with_scores(text, "model main", {**scored, "benchmark": "ifeval", "task": "ifeval"})
    assert again == text


def test_a_metric_may_be_called_anything():
    scored = {"benchmark": "mine", "task": "mine", "metrics": {"acc|strict\nof all": 0.5}}
    text = with_scores(card("model", 3, 1.0, {}, {}), "model main", scored)
    assert "| mine | acc\\|strict of all | 0.5 |" in text
    assert ModelCard(text).data.eval_results[0].metric_name == "acc|strict\nof all"


def test_the_card_on_the_hub_gets_its_scores_once_and_the_model_stays_as_it_is(run_dir, hub):
    put(run_dir, checkpoint(run_dir, 3), **SETTINGS)
    deliver(run_dir)
    (published,) = entries(run_dir, "done")
    commit = published.result["revision"]["commit"]
    for _ in range(2):
        score(run_dir, commit, 0.5)
    score(run_dir, commit, 0.25, "ifeval")
    deliver(run_dir)
    rows = ModelCard(readme(hub)).data.eval_results
    assert {(row.dataset_name, row.metric_type, row.metric_value) for row in rows} == {
        ("gsm8k", "exact_match", 0.5),
        ("ifeval", "exact_match", 0.25),
    }
    was, now = hub.store.files("me/model", commit), hub.store.files("me/model", "main-step-000000003")
    assert was.pop("README.md") != now.pop("README.md") and was == now


def test_scores_count_as_commits_and_leave_some_to_revisions(run_dir, hub):
    settings = {**SETTINGS, "commits_per_hour": 4}
    put(run_dir, checkpoint(run_dir, 3), **settings)
    deliver(run_dir)
    (published,) = entries(run_dir, "done")
    for name in ("gsm8k", "ifeval", "mmlu"):
        score(run_dir, published.result["revision"]["commit"], 0.5, name, settings)
    put(run_dir, checkpoint(run_dir, 6), **settings)
    deliver(run_dir, linger="4")
    assert {entry.kind for entry in entries(run_dir, "pending")} == {"hub_scores"}
    assert "main-step-000000006" in hub.store.repos["me/model"].branches


def test_a_branch_that_holds_another_revision_by_now_keeps_its_card(run_dir, hub):
    put(run_dir, checkpoint(run_dir, 3), **SETTINGS)
    deliver(run_dir)
    before = readme(hub)
    score(run_dir, "0" * 40, 0.5)
    deliver(run_dir)
    assert readme(hub) == before
    assert [entry.result for entry in entries(run_dir, "done")][-1] == {
        "skipped": "main-step-000000003 holds another revision by now"
    }


@pytest.mark.parametrize("settings", [SETTINGS, {}], ids=["hub", "folder"])
def test_a_branch_that_was_removed_is_called_removed(run_dir, hub, settings):
    branch = put(run_dir, checkpoint(run_dir, 3), **settings)
    deliver(run_dir)
    (published,) = entries(run_dir, "done")
    announce(run_dir, **settings)
    assert gone_of(run_dir) == ""
    if settings:
        del hub.store.repos["me/model"].branches[branch]
    else:
        shutil.rmtree(run_dir / "hub")
        assert gone_of(run_dir) == "1 revision is gone since: main-step-000000003."
    score(run_dir, published.result["revision"]["commit"], 0.5, settings=settings)
    deliver(run_dir)
    assert entries(run_dir, "done")[-1].result == {"skipped": "main-step-000000003 was removed"}


@pytest.mark.parametrize("commit", [None, "abc"])
def test_a_score_of_what_was_not_published_is_left_alone(run_dir, commit):
    result = EvalResult("gsm8k", {"exact_match": 1.0}, commit=commit)
    HubRevisions().on_benchmark_eval(LogContext(run_dir), result, [], 3)
    assert not (run_dir / "outbox").exists()
