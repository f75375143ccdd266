"""The page arrives beside its revision, once, whatever happens on the way, and disturbs no revision."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import warm
import yaml
from hub_server import Fault

from callsheet.errors import CallsheetError
from callsheet.outbox import Outbox
from callsheet.outbox.store import EntryStore
from callsheet.rundir.rundir import RunDir
from callsheet_plugins.report.page.writing import HEAD
from callsheet_plugins.report.publishing.handler import KIND
from callsheet_plugins.report.publishing.places import place_of
from callsheet_plugins.report.publishing.publish import place_for, publish
from plugins.hub_revisions.conftest import announce, checkpoint, deliver, entries, kill_courier, put
from plugins.report.made import make_run

HUB = {"hub": "huggingface", "repo": "me/model", "timeout_seconds": 60.0}
PAGE = f'{HEAD.decode()}content="">\n<p>The page of a run.</p>'
SECRET = "hf_" + "aB3" * 12
BRANCH = "main-step-000000007"


def run_of(folder: Path, settings: dict[str, Any] | None) -> Path:
    """A run that is over, and publishes as `settings` say."""
    run = make_run(folder / "run", steps=10, checkpoint_every=0, record={"plugins": []})
    plugins = {} if settings is None else {"hub_revisions": settings}
    (run / "config.yaml").write_text(yaml.safe_dump({"experiment": "exp", "plugins": plugins}))
    (run / "report.html").write_text(PAGE)
    return run


@pytest.fixture
def run(hub: Any, tmp_path: Path) -> Path:
    """One whose revision of step 7 is on the Hub."""
    made = run_of(tmp_path, HUB)
    put(made, checkpoint(made, 7), **HUB)
    deliver(made)
    announce(made)
    return made


def put_page(run: Path) -> str:
    return Outbox(run).put(KIND, place_of(run).payload, files={"report.html": run / "report.html"}, key="page")


def commits(hub: Any, branch: str = BRANCH) -> list[str]:
    return [commit.title for commit in hub.store.repos["me/model"].history(branch)]


def test_it_stands_beside_the_newest_revision_and_changes_nothing_else(hub: Any, run: Path) -> None:
    before = hub.store.files("me/model", BRANCH)
    put_page(run)
    deliver(run)
    assert hub.store.files("me/model", BRANCH) == {**before, "report.html": PAGE.encode()}
    assert commits(hub)[0] == "Report of the run" and len(commits(hub)) == 3
    (done,) = [entry for entry in entries(run, "done") if entry.kind == KIND]
    assert done.result["url"] == f"{hub.url}/me/model/blob/{BRANCH}/report.html"


@pytest.mark.parametrize(
    ("where", "kind"),
    [*(("POST commit", kind) for kind in ("status", "lost", "reset")), ("GET refs", "status"), ("GET tree", "status")],
)
def test_what_passes_is_tried_again_and_makes_one_commit(hub: Any, run: Path, where: str, kind: str) -> None:
    put_page(run)
    hub.fail(Fault(where, kind))
    deliver(run)
    assert hub.store.files("me/model", BRANCH)["report.html"] == PAGE.encode()
    assert commits(hub).count("Report of the run") == 1


def test_a_courier_that_is_killed_leaves_it_there_once(hub: Any, run: Path) -> None:
    put_page(run)
    for number in range(4):
        kill_courier(run, number, (0.2, 1.2))
    deliver(run)
    assert hub.store.files("me/model", BRANCH)["report.html"] == PAGE.encode()
    assert commits(hub).count("Report of the run") == 1


def test_the_same_twice_is_one_entry_and_one_commit(hub: Any, run: Path) -> None:
    place = place_of(run)
    first = publish(run, place, run / "report.html", 60.0)
    assert publish(run, place, run / "report.html", 60.0) == first and first.url
    assert commits(hub).count("Report of the run") == 1
    (run / "report.html").write_text(PAGE + "new")
    publish(run, place, run / "report.html", 60.0)
    assert commits(hub).count("Report of the run") == 2


def test_a_secret_stops_it(hub: Any, run: Path) -> None:
    (run / "report.html").write_text(f"{PAGE} {SECRET}")
    put_page(run)
    deliver(run)
    (failed,) = entries(run, "failed")
    assert "report.html holds a token of Hugging Face" in failed.error and SECRET not in str(failed)
    assert "report.html" not in hub.store.files("me/model", BRANCH)


@pytest.mark.parametrize("settings", [HUB, {"hub": "folder", "repo": "me/model"}], ids=["huggingface", "folder"])
def test_a_revision_that_is_delivered_again_finds_its_own(hub: Any, tmp_path: Path, settings: dict[str, Any]) -> None:
    run = run_of(tmp_path, settings)
    put(run, checkpoint(run, 7), **settings)
    deliver(run)
    announce(run)
    put_page(run)
    deliver(run)
    store = EntryStore(run)
    (id,) = [entry.id for _, entry in store.on("done") if entry.kind == "hub_revisions"]
    store.path("done", id).unlink()  # as a power cut may lose it
    put(run, checkpoint(run, 7), **settings)
    deliver(run)
    assert not entries(run, "failed") and len(entries(run, "done")) == 2
    if settings is HUB:
        assert hub.store.files("me/model", BRANCH)["report.html"] == PAGE.encode()
    else:
        assert (run / "hub" / BRANCH / "report.html").read_text() == PAGE


def test_a_drain_publishes_what_found_no_network(hub: Any, run: Path) -> None:
    command = [sys.executable, "-m", "callsheet", "report", str(run), "--publish", "--seconds", "1"]
    nobody = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = warm.run(command, env=nobody, capture_output=True, text=True)
    assert done.returncode == 3 and f"kept for: callsheet outbox drain {run}" in done.stderr, done.stderr
    drained = warm.run([*command[:3], "outbox", "drain", str(run)], capture_output=True, text=True)
    assert drained.returncode == 0, drained.stderr
    assert hub.store.files("me/model", BRANCH)["report.html"] == (run / "report.html").read_bytes()


def test_a_page_of_what_has_not_changed_is_the_same_page(hub: Any, run: Path) -> None:
    command = [sys.executable, "-m", "callsheet", "report", str(run), "--publish"]
    for _ in range(2):
        done = warm.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == f"Published: {hub.url}/me/model/blob/{BRANCH}/report.html"
    assert commits(hub).count("Report of the run") == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (None, "publishes nothing, so that its page has no place beside a revision"),
        ({"hub": "folder"}, "has published no revision yet"),
        ({"hub": "huggingface", "repo": None}, "has published no revision yet"),
    ],
)
def test_a_run_that_publishes_nowhere_is_refused(tmp_path: Path, settings: dict[str, Any] | None, said: str) -> None:
    with pytest.raises(CallsheetError, match=said):
        place_for([run_of(tmp_path, settings)])


def test_only_one_run_is_published(tmp_path: Path) -> None:
    run = run_of(tmp_path, HUB)
    with pytest.raises(CallsheetError, match="takes one run.*these are 2 paths"):
        place_for([run, run])
    with pytest.raises(CallsheetError, match="takes one run.* is none"):
        place_for([tmp_path])


def test_a_run_that_has_published_nothing_has_the_branch_of_its_settings(hub: Any, tmp_path: Path) -> None:
    run = run_of(tmp_path, {**HUB, "revision": "v2"})
    assert publish(run, place_of(run), run / "report.html", 60.0).url
    assert hub.store.files("me/model", "v2")["report.html"] == PAGE.encode()


def test_a_run_at_work_is_refused(hub: Any, run: Path) -> None:
    at_work = RunDir(run)
    at_work.open()
    try:
        with pytest.raises(CallsheetError, match="training"):
            publish(run, place_of(run), run / "report.html", 1.0)
    finally:
        at_work.close()


def test_the_final_model_comes_before_its_checkpoints(tmp_path: Path) -> None:
    run = run_of(tmp_path, HUB)
    about = {"repo": "me/model", "commit": "1" * 40, "step": 9, "url": "", "path": None}
    for name, branch, weights in (("c-9", "main-step-9", "raw"), ("", "main", "raw"), ("c-9", "bema-9", "bema")):
        row = {"name": name, "revision": {**about, "branch": branch, "checkpoint": name, "weights": weights}}
        RunDir(run).append("checkpoints.jsonl", row)
    assert place_of(run).branch == "main"
