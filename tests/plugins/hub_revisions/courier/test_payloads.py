"""An entry whose payload is none fails at once, with the field, and disturbs no other entry."""

import json

import pytest

from callsheet.disk.typed import Malformed
from callsheet.hub.quota import Quota
from callsheet.outbox import Delivery, Entry
from callsheet_plugins.hub_revisions.courier.branches import Branches
from callsheet_plugins.hub_revisions.courier.cleaning import clean
from callsheet_plugins.hub_revisions.courier.prune import PruneHandler
from callsheet_plugins.hub_revisions.courier.publish import RevisionHandler
from callsheet_plugins.hub_revisions.courier.score import ScoreHandler

PLACE = {"hub": "folder", "repo": "me/m", "branch": "b", "folder": "hub", "timeout_seconds": 1.0}
RULE = {"keep_last": 1, "keep_best": 0, "metric": "eval_loss", "greater_is_better": False}


def entry(id="a", **payload):
    return Entry(id, "hub_revisions", "k", {**PLACE, **payload}, 1.0)


@pytest.mark.parametrize(
    ("handler", "payload", "said"),
    [
        (RevisionHandler, {}, "its payload: it has no "),
        (RevisionHandler, {"repo": 3}, "its payload: repo is a whole number, text is needed"),
        (ScoreHandler, {"metrics": []}, "its payload: metrics is a list, an object is needed"),
        (PruneHandler, {"weights": "raw", "prune": {}}, "its payload: prune has no "),
        (PruneHandler, {"weights": ["raw"], "prune": RULE}, "its payload: weights is a list, text is needed"),
    ],
)
def test_the_field_is_named(tmp_path, handler, payload, said):
    with pytest.raises(Malformed) as error:
        handler(tmp_path).deliver(Delivery(entry(**payload), tmp_path))
    assert str(error.value).startswith(said)


def test_one_that_waits_disturbs_no_other(tmp_path):
    hub = {"weights": "raw", "step": 3, "commits_per_hour": 1, "coalesce": True, "final": False}
    waiting = [entry("b", weights="raw", step="x"), entry("c", weights=[1]), Entry("d", "hub_prune", "k", {}, 2.0)]
    quota = Quota(tmp_path / "commits.json")
    quota.spent("another")
    assert quota.wait_or_pass(Delivery(entry(**hub), tmp_path, queued=lambda: waiting)) is None
    pruned = PruneHandler(tmp_path).deliver(
        Delivery(entry(weights="raw", prune=RULE), tmp_path, queued=lambda: waiting)
    )
    assert pruned == {"pruned": []}


def test_a_branch_of_which_too_little_is_known_is_kept_and_the_others_are_pruned(tmp_path):
    whole = {name: {"step": step, "metrics": {}, "weights": "raw"} for step, name in enumerate(("old", "new"))}
    odd = {"no-step": {"metrics": {}}, "text": {"step": "1", "metrics": {}}, "list": {"step": 1, "metrics": [1]}}
    (tmp_path / "branches.json").write_text(json.dumps({**whole, **odd}))
    branches = Branches(tmp_path / "branches.json")
    assert [*branches.old("raw", RULE)] == ["old"]
    branches.forget("old")
    assert json.loads((tmp_path / "branches.json").read_text()).keys() == {"new", *odd}


def test_a_file_that_is_nested_without_end_is_cleaned_as_text():
    deep = "[" * 100_000 + '"/home/me/model"'
    assert clean(deep, ["/home/me"], "", is_json=True) == "[" * 100_000 + '"model"'
