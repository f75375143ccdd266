"""Published revisions: each is scored at its commit, and what was not published is not scored."""

import json
import time

import pytest
from hub_server import HubServer

from callsheet import LogContext
from callsheet.outbox import Outbox
from callsheet.rundir.rundir import EVALS, RunDir
from callsheet_plugins.hub_revisions import HubRevisions
from plugins.benchmarks.conftest import callsheet, checkpoint, deliver, entries, scored

TOKEN = "hf_" + "t" * 34


def published(run_dir, define, *steps, **settings):
    """A run that was killed when it had put its checkpoints into the outbox, with both plugins."""
    benchmarks = {"benchmarks": ["mine"], "define": define}
    config = {"plugins": {"hub_revisions": settings, "benchmarks": benchmarks}, "outbox": {"first_delay_seconds": 0.05}}
    books = RunDir(run_dir)
    books.write_text("config.yaml", json.dumps(config))
    books.write_json("run.json", {"run": "run", "experiment": "me/model", "status": "running", "config": config})
    ctx = LogContext(run_dir, "me/model", "run", config, outbox=Outbox(run_dir))
    for step in steps:
        HubRevisions(**settings).on_checkpoint_complete(ctx, checkpoint(run_dir, step))
        time.sleep(0.01)


def evals(run_dir):
    return list(RunDir(run_dir, is_main=False).rows(EVALS))


def test_a_run_killed_between_push_and_submit_is_scored_once_by_a_drain(run_dir, engine, diary, tmp_path):
    published(run_dir, engine(), 2, 3)
    deliver(run_dir)
    assert [entry.kind for entry in entries(run_dir, "done")] == ["hub_revisions"] * 2 and not diary()
    for _ in range(2):
        done = callsheet("outbox", "drain", run_dir, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    published_as = [entry.result["revision"] for entry in entries(run_dir, "done") if entry.kind == "hub_revisions"]
    expected = {revision["commit"]: (revision["step"], {"score": float(revision["step"])}) for revision in published_as}
    assert {row["commit"]: (row["step"], row["metrics"]) for row in evals(run_dir)} == expected
    from huggingface_hub import ModelCard

    card = ModelCard.load(run_dir / "hub" / "main-step-000000003" / "README.md")
    (listed,) = card.data.eval_results
    assert (listed.dataset_name, listed.metric_type, listed.metric_value) == ("mine", "score", 3.0)
    assert "| mine | score | 3 |" in card.text and "Trained with Callsheet." in card.text
    assert len(diary("began")) == 2 and len(list((run_dir / "predictions").iterdir())) == 2


def test_what_could_not_be_published_is_not_scored(run_dir, engine, diary, tmp_path):
    published(run_dir, engine(), 2, 3)
    taken = run_dir / "hub" / "main-step-000000002"
    taken.mkdir(parents=True)
    (taken / "somebody-elses").write_text("x")
    done = callsheet("outbox", "drain", run_dir, cwd=tmp_path)
    assert done.returncode == 3 and [row["step"] for row in evals(run_dir)] == [3]
    assert len(diary("began")) == 1


def test_every_revision_is_scored_though_only_the_last_is_kept(run_dir, engine, tmp_path):
    published(run_dir, engine(), 2, 3, 4, keep_last=1)
    deliver(run_dir)
    done = callsheet("outbox", "drain", run_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(row["step"] for row in evals(run_dir)) == [2, 3, 4]
    assert [path.name for path in (run_dir / "hub").iterdir()] == ["main-step-000000004"]


@pytest.mark.parametrize("when", ["before it was published", "before it was announced"])
def test_a_run_that_was_moved_is_published_and_scored_where_it_is_now(run_dir, engine, diary, tmp_path, when):
    published(run_dir, engine(), 2)
    if when == "before it was announced":
        deliver(run_dir)
    moved = run_dir.rename(tmp_path / "else \"where' é")
    done = callsheet("outbox", "drain", moved, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not run_dir.exists() and (moved / "hub" / "main-step-000000002" / "config.json").exists()
    assert [row["step"] for row in evals(moved)] == [2]


def test_a_revision_that_is_replaced_while_its_job_waits_is_scored_as_it_was(run_dir, engine, diary, tmp_path):
    published(run_dir, engine(sleep=1), 2)
    deliver(run_dir)
    import shutil

    from callsheet.rundir.revisions import revision_of
    from callsheet_plugins.benchmarks import Benchmarks

    (entry,) = entries(run_dir, "done")
    ctx = LogContext(run_dir, "me/model", "run", {}, publishes=True, outbox=Outbox(run_dir))
    plugin = Benchmarks(benchmarks=["mine"], define=engine())
    plugin.on_revision(ctx, revision_of(entry.result["revision"], run_dir))
    branch = run_dir / "hub" / "main-step-000000002"
    shutil.rmtree(branch)
    branch.mkdir()
    (branch / "model.safetensors").write_bytes(b"other weights")
    deliver(run_dir)
    (done,) = scored(run_dir)
    assert done.result["evals"][0]["result"]["metrics"] == {"score": 2.0}
    with pytest.raises(LookupError, match="no longer holds commit"):
        plugin.on_revision(ctx, revision_of({**entry.result["revision"], "step": 5}, run_dir))


@pytest.mark.slow
def test_a_revision_on_the_hub_is_scored_at_its_commit_though_its_branch_moved_on(run_dir, tmp_path, monkeypatch):
    import os
    from pathlib import Path

    from huggingface_hub import HfApi
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    import callsheet_conf

    demo = Path(callsheet_conf.__file__).parent / "demo"
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with HubServer(token=TOKEN) as hub:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        online = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        for name, value in {**online, "HF_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(name, value)
        api = HfApi(endpoint=hub.url, token=TOKEN)
        AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(demo / "model")).save_pretrained(tmp_path / "model")
        AutoTokenizer.from_pretrained(demo / "model").save_pretrained(tmp_path / "model")
        api.create_repo("me/model")
        commit = api.upload_folder(repo_id="me/model", folder_path=tmp_path / "model").oid
        later = api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="me/model").oid
        asked = ["--benchmarks", "mine", "plugins.benchmarks.define.mine.engine=exact_match"]
        asked += [
            f"plugins.benchmarks.define.mine.path={demo / 'test.jsonl'}",
            "plugins.benchmarks.define.mine.limit=4",
        ]
        done = callsheet("bench", "me/model", "--revision", commit, *asked, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "exact_match" in done.stdout
        (folder,) = (tmp_path / "outputs" / "bench").iterdir()
        assert [row["commit"] for row in evals(folder)] == [commit] and commit != later
        wrong = callsheet("bench", "me/model", "--revision", "mian", *asked, cwd=tmp_path)
        assert wrong.returncode == 2 and "The Hub has no me/model at revision 'mian'" in wrong.stderr
