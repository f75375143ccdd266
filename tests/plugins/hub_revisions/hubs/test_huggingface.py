"""Checkpoints arrive on the Hub, bit for bit and once, through an unmodified huggingface_hub."""

import json
import time

import pytest
from hub_server import Fault
from waiting import wait_until

from callsheet import LogContext, LoopState
from callsheet.outbox import Outbox
from callsheet.outbox.store import EntryStore
from callsheet_plugins.hub_revisions import HubRevisions
from plugins.hub_revisions.conftest import (
    PUBLISHED,
    TOKEN,
    announce,
    checkpoint,
    deliver,
    entries,
    kill_courier,
    local,
    put,
    start_courier,
)

HUB = {"hub": "huggingface", "repo": "me/model", "timeout_seconds": 60.0}


def assert_published(hub, row, branch):
    """The branch holds exactly the checkpoint, its card and what the Hub adds, in one commit."""
    files = hub.store.files("me/model", branch)
    assert set(files) == PUBLISHED | {".gitattributes"}
    assert {name: files[name] for name in PUBLISHED - {"README.md"}} == local(row)
    assert len(hub.store.repos["me/model"].history(branch)) == 2, "the initial commit and ours"


def test_a_checkpoint_arrives_bit_for_bit_without_optimizer_or_arguments(hub, run_dir):
    row = checkpoint(run_dir, 1000)
    branch = put(run_dir, row, evaluation=0.5, **HUB)
    deliver(run_dir)
    assert branch == "main-step-000001000"
    assert_published(hub, row, branch)
    (entry,) = entries(run_dir, "done")
    repo = hub.store.repos["me/model"]
    assert entry.result["revision"]["commit"] == repo.branches[branch] and repo.private
    latest, first = repo.history(branch)
    assert latest.title == "Step 1000: eval_loss 0.5" and first.title == "initial commit"
    card = hub.store.files("me/model", branch)["README.md"].decode()
    assert card.startswith("---\nlibrary_name: transformers") and "| eval_loss | 0.5 |" in card


def test_a_large_file_goes_in_parts_and_arrives_whole(hub, run_dir):
    row = checkpoint(run_dir, 1, size=3_500_000)
    assert (row.path / "model.safetensors").stat().st_size > 13_000_000
    branch = put(run_dir, row, **HUB)
    deliver(run_dir)
    assert_published(hub, row, branch)
    assert "PUT lfs_part" in hub.faults.asked and "POST lfs_complete" in hub.faults.asked


def test_identical_content_is_uploaded_once(hub, run_dir):
    rows = [checkpoint(run_dir, step, seed=0) for step in (1, 2, 3)]
    branches = [put(run_dir, row, **HUB) for row in rows]
    deliver(run_dir)
    for row, branch in zip(rows, branches, strict=True):
        assert_published(hub, row, branch)
    assert list(hub.uploaded.values()) == [1]


def test_an_entry_delivered_twice_makes_one_commit(hub, run_dir):
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row, **HUB)
    hub.fail(Fault("POST commit", "lost"))
    deliver(run_dir)
    assert_published(hub, row, branch)
    assert entries(run_dir, "done")[0].attempts == 2


ENDPOINTS = ["POST create_repo", "GET commits", "GET refs", "POST create_branch", "POST preupload", "POST validate_yaml",
             "POST lfs_batch", "PUT lfs_put", "POST lfs_verify", "POST commit", "GET tree"]  # fmt: skip


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_passes_is_tried_again_on_every_endpoint(hub, run_dir, endpoint):
    hub.fail(*(Fault(endpoint, status=status) for status in (500, 502, 503, 429)), Fault(endpoint, "reset"))
    hub.fail(Fault(endpoint, "lost"))
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row, **HUB)
    deliver(run_dir)
    assert all(fault.times == 0 for fault in hub.faults.pending), "every fault was met"
    assert_published(hub, row, branch)


def test_twenty_faults_in_a_row_are_outlived(hub, run_dir):
    hub.fail(Fault("POST lfs_batch", status=503, times=20))
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row, **HUB)
    deliver(run_dir)
    assert_published(hub, row, branch)
    assert entries(run_dir, "done")[0].attempts == 21


def test_the_hub_is_not_asked_before_it_said(hub, run_dir):
    hub.fail(Fault("POST commit", status=429, headers={"Retry-After": "2"}))
    row, start = checkpoint(run_dir, 1), time.monotonic()
    branch = put(run_dir, row, **HUB)
    deliver(run_dir)
    assert time.monotonic() - start > 2
    assert_published(hub, row, branch)


def test_a_quota_that_is_exhausted_is_waited_for_and_no_failure(hub, run_dir):
    said = "You have exceeded our hourly quotas for action: commit"
    hub.fail(Fault("POST commit", status=429, times=99, message=said))
    put(run_dir, checkpoint(run_dir, 1), **HUB)
    deliver(run_dir, linger="2")
    (entry,) = entries(run_dir, "pending")
    assert hub.faults.asked.count("POST commit") == 1 and "hourly quotas" in entry.error
    assert entry.not_before - time.time() > 500, "the Hub names no time, and an hour is what it means"


def test_a_stalled_request_is_given_up_and_made_again(hub, run_dir):
    hub.fail(Fault("POST create_branch", "stall", seconds=300), Fault("PUT lfs_put", "stall", seconds=300))
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row, **(HUB | {"timeout_seconds": 1.0}))
    deliver(run_dir)
    assert_published(hub, row, branch)


def test_a_torn_upload_is_made_again(hub, run_dir):
    hub.fail(Fault("PUT lfs_put", "torn"))
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row, **HUB)
    deliver(run_dir)
    assert_published(hub, row, branch)


def test_a_revision_with_a_wrong_hash_is_not_announced_until_it_is_right(hub, run_dir):
    hub.fail(Fault("GET tree", "wrong_oid", times=2))
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row, **HUB)
    log = deliver(run_dir)
    assert "arrived with another content" in log and entries(run_dir, "done")[0].attempts > 1
    files = hub.store.files("me/model", branch)
    assert {name: files[name] for name in PUBLISHED - {"README.md"}} == local(row)


@pytest.mark.parametrize(("status", "remedy"), [(401, "valid token"), (403, "write access"), (404, "Check the name")])
def test_a_refusal_stops_at_once_with_repo_reason_and_remedy(hub, run_dir, status, remedy):
    hub.fail(Fault("POST commit", status=status, times=100, message="no entry for you"))
    put(run_dir, checkpoint(run_dir, 1), **HUB)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert failed.attempts == 1 and f"me/model@main-step-000000001 was refused with {status}" in failed.error
    assert remedy in failed.advice
    assert hub.faults.asked.count("POST commit") == 1


def test_a_repository_of_somebody_else_is_refused(hub, run_dir):
    put(run_dir, checkpoint(run_dir, 1), hub="huggingface", repo="you/model")
    deliver(run_dir)
    assert "rights to write under the namespace you" in entries(run_dir, "failed")[0].error


def test_another_revision_of_this_name_is_left_alone_unless_told_otherwise(hub, run_dir, tmp_path):
    put(run_dir, checkpoint(run_dir, 1), **HUB)
    deliver(run_dir)
    other = tmp_path / "other"
    other.mkdir()
    row = checkpoint(other, 1, seed=99)
    branch = put(other, row, **HUB)
    deliver(other)
    assert "overwrite_hub_revision" in entries(other, "failed")[0].advice
    third = tmp_path / "third"
    third.mkdir()
    (third / "left").mkdir()
    row = checkpoint(third, 1, seed=99)
    (row.path / "tokenizer.json").unlink()
    put(third, row, overwrite_hub_revision=True, **HUB)
    deliver(third)
    files = hub.store.files("me/model", branch)
    assert files["model.safetensors"] == (row.path / "model.safetensors").read_bytes() and "tokenizer.json" not in files


def test_what_a_repository_began_with_is_left_and_what_somebody_added_to_main_is_not_replaced(hub, run_dir):
    store = hub.store
    store.create("me/model", True)
    first = store.repos["me/model"].commit("main")
    first.files["LICENSE"] = store.small(b"mine")
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row, **HUB)
    deliver(run_dir)
    files = store.files("me/model", branch)
    assert files["LICENSE"] == b"mine" and files["model.safetensors"] == local(row)["model.safetensors"]
    store.add_commit("me/model", "main", "notes", "", {**first.files, "notes.md": store.small(b"mine, too")})
    state = LoopState(LogContext(run_dir, outbox=Outbox(run_dir)), lambda *a: None, lambda *a: None)
    HubRevisions(**HUB).publish(state, row.path)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert "Branch main of me/model holds another revision" in failed.error
    assert set(store.files("me/model", "main")) == {".gitattributes", "LICENSE", "notes.md"}


def test_a_secret_in_a_published_file_stops_it(hub, run_dir):
    row = checkpoint(run_dir, 1)
    (row.path / "config.json").write_text(json.dumps({"token": "hf_" + "z" * 34}))
    put(run_dir, row, **HUB)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert "main-step-000000001 is not published to me/model: config.json holds a token of Hugging" in failed.error
    assert "hf_z" not in failed.error
    assert hub.faults.asked == []


def test_the_token_stands_in_no_file_and_no_log(hub, run_dir):
    row = checkpoint(run_dir, 1)
    hub.fail(Fault("POST commit", status=500, message=f"told {TOKEN}"), Fault("GET tree", status=403, message=TOKEN))
    put(run_dir, row, **HUB)
    log = deliver(run_dir)
    assert TOKEN not in log
    for path in (*(run_dir / "outbox").rglob("*"), *(run_dir / "snapshots").rglob("*")):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_old_branches_are_pruned_and_the_best_kept(hub, run_dir):
    for step, loss in ((1, 0.1), (2, 0.9), (3, 0.8), (4, 0.7)):
        put(run_dir, checkpoint(run_dir, step), evaluation=loss, keep_last=2, keep_best=1, **HUB)
        deliver(run_dir)
        announce(run_dir, keep_last=2, keep_best=1, **HUB)
    deliver(run_dir)
    assert sorted(hub.store.repos["me/model"].branches) == [
        "main",
        *(f"main-step-00000000{step}" for step in (1, 3, 4)),
    ]


def test_a_branch_is_kept_while_something_in_the_outbox_names_its_commit(hub, run_dir):
    put(run_dir, checkpoint(run_dir, 1), keep_last=1, **HUB)
    deliver(run_dir)
    (revision,) = announce(run_dir, keep_last=1, **HUB)
    store = EntryStore(run_dir)
    waits = Outbox(run_dir).put("hub_scores", {"commit": revision.commit, "metrics": {}}, key="waits")
    store.path("pending", waits).rename(store.path("parked", waits))  # as a job that is left to the user
    put(run_dir, checkpoint(run_dir, 2), keep_last=1, **HUB)
    deliver(run_dir)
    announce(run_dir, keep_last=1, **HUB)
    deliver(run_dir)
    assert {"main-step-000000001", "main-step-000000002"} <= hub.store.repos["me/model"].branches.keys()
    store.unpark()
    put(run_dir, checkpoint(run_dir, 3), keep_last=1, **HUB)
    deliver(run_dir)
    announce(run_dir, keep_last=1, **HUB)
    deliver(run_dir)
    assert sorted(hub.store.repos["me/model"].branches) == ["main", "main-step-000000003"]


def test_when_commits_run_short_the_newest_goes_first_and_the_rest_waits(hub, run_dir):
    branches = [put(run_dir, checkpoint(run_dir, step), commits_per_hour=2, **HUB) for step in (1, 2, 3, 4)]
    courier = start_courier(run_dir, "--parallel", "1")
    wait_until(lambda: len(EntryStore(run_dir).ids("done")) == 2)
    courier.terminate()
    courier.communicate()
    deliver(run_dir, "--parallel", "1", linger="2")  # which could publish more
    published = set(hub.store.repos["me/model"].branches)
    assert branches[0] in published and branches[3] in published and len(published) == 3
    assert [entry.attempts for entry in entries(run_dir, "pending")] == [0, 0], "waiting is no failure"


def test_when_asked_steps_that_a_newer_one_passed_are_left_out(hub, run_dir):
    settings = {**HUB, "commits_per_hour": 2, "when_quota_is_short": "coalesce"}
    branches = [put(run_dir, checkpoint(run_dir, step), **settings) for step in (1, 2, 3, 4)]
    courier = start_courier(run_dir, "--parallel", "1")
    repos = hub.store.repos
    wait_until(lambda: "me/model" in repos and {branches[0], branches[3]} <= repos["me/model"].branches.keys())
    courier.terminate()
    courier.communicate()
    published = set(hub.store.repos["me/model"].branches)
    assert branches[0] in published and branches[3] in published


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_a_courier_killed_at_a_random_moment_leaves_each_checkpoint_published_once(hub, run_dir, number):
    hub.latency = 0.03
    rows = [checkpoint(run_dir, step) for step in (1, 2, 3)]
    branches = [put(run_dir, row, **HUB) for row in rows]
    kill_courier(run_dir, number, (0.3, 1.8))
    deliver(run_dir)
    for row, branch in zip(rows, branches, strict=True):
        assert_published(hub, row, branch)
    assert len(hub.store.repos["me/model"].branches) == 4


def test_the_courier_stays_below_150_megabytes(hub, run_dir):
    put(run_dir, checkpoint(run_dir, 1, size=10_000_000), **HUB)
    process = start_courier(run_dir)
    peak = 0
    while process.poll() is None:
        try:
            status = open(f"/proc/{process.pid}/status").read()  # noqa: SIM115
            peak = max(peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")))
        except (OSError, TypeError):
            pass
        time.sleep(0.02)
    assert entries(run_dir, "done") and 0 < peak < 150 * 1024, peak
