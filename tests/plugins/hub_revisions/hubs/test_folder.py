"""The same guarantees without an account: revisions in a local folder."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callsheet.outbox import Delivery
from callsheet_plugins.hub_revisions.courier.publish import RevisionHandler
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
)

COMMIT = ".callsheet-commit.json"


def assert_published(run_dir, row, branch):
    folder = run_dir / "hub" / branch
    assert {path.name for path in folder.iterdir()} == PUBLISHED | {COMMIT}
    assert {name: (folder / name).read_bytes() for name in PUBLISHED - {"README.md"}} == local(row)


def test_a_checkpoint_arrives_bit_for_bit_without_optimizer_or_arguments(run_dir):
    row = checkpoint(run_dir, 1000)
    branch = put(run_dir, row)
    deliver(run_dir)
    assert_published(run_dir, row, branch)
    (entry,) = entries(run_dir, "done")
    said = json.loads((run_dir / "hub" / branch / COMMIT).read_text())
    assert said["commit"] == entry.result["revision"]["commit"] and set(said["files"]) == PUBLISHED


def test_what_arrived_is_no_link_to_what_was_sent(run_dir):
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row)
    deliver(run_dir)
    published = run_dir / "hub" / branch / "model.safetensors"
    assert published.stat().st_ino != (row.path / "model.safetensors").stat().st_ino


def test_a_folder_elsewhere_can_be_chosen(run_dir, tmp_path):
    branch = put(run_dir, checkpoint(run_dir, 1), folder=str(tmp_path / "elsewhere"))
    deliver(run_dir)
    assert (tmp_path / "elsewhere" / branch / "model.safetensors").is_file()


def test_another_revision_of_this_name_is_left_alone_unless_told_otherwise(run_dir):
    branch = put(run_dir, checkpoint(run_dir, 1))
    folder = run_dir / "hub" / branch
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    deliver(run_dir)
    assert "holds another revision" in entries(run_dir, "failed")[0].error and (folder / "mine.txt").exists()
    row = checkpoint(run_dir, 2)
    branch = put(run_dir, row, overwrite_hub_revision=True)
    (run_dir / "hub" / branch).mkdir()
    deliver(run_dir)
    assert_published(run_dir, row, branch)


def test_a_folder_that_cannot_be_written_is_a_refusal_with_a_reason(run_dir, tmp_path):
    (tmp_path / "file").write_text("")
    put(run_dir, checkpoint(run_dir, 1), folder=str(tmp_path / "file"))
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert failed.attempts == 1 and "file is a file, where a folder is needed." in failed.error


def test_old_revisions_are_pruned_and_the_newest_never(run_dir):
    for step in (1, 2, 3):
        put(run_dir, checkpoint(run_dir, step), keep_last=1)
    deliver(run_dir)
    assert len([*(run_dir / "hub").iterdir()]) == 3, "nobody has heard of them yet"
    announce(run_dir, keep_last=1)
    deliver(run_dir)
    assert [path.name for path in (run_dir / "hub").iterdir()] == ["main-step-000000003"]


def test_a_secret_in_a_published_file_stops_it(run_dir):
    row = checkpoint(run_dir, 1)
    (row.path / "tokenizer.json").write_text(f'{{"auth": "{TOKEN}"}}')
    put(run_dir, row)
    deliver(run_dir)
    said = entries(run_dir, "failed")[0].error
    assert "tokenizer.json holds a token of Hugging Face" in said
    assert TOKEN not in said and not (run_dir / "hub").exists()


def test_a_secret_in_one_revision_stops_no_other(run_dir):
    bad, good = checkpoint(run_dir, 1), checkpoint(run_dir, 2)
    (bad.path / f"tokenizer-{TOKEN}.json").write_text("{}")
    for row in (bad, good):
        put(run_dir, row)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert "the name of tokenizer-***.json holds a secret" in failed.error and failed.advice
    assert [path.name for path in (run_dir / "hub").iterdir()] == ["main-step-000000002"]
    inside = [path for name in ("outbox", "snapshots", "hub") for path in (run_dir / name).rglob("*")]
    assert not any(TOKEN in path.name or (path.is_file() and TOKEN.encode() in path.read_bytes()) for path in inside)


def test_what_must_never_leave_is_not_published_even_when_asked_for(run_dir):
    branch = put(run_dir, checkpoint(run_dir, 1), include=["*"])
    deliver(run_dir)
    names = {path.name for path in (run_dir / "hub" / branch).iterdir()}
    assert names == PUBLISHED | {COMMIT, "notes.txt"}


def job(run_dir, progress=lambda done, total: None):
    """The one entry that waits, as the courier hands it to its handler."""
    (entry,) = entries(run_dir, "pending")
    snapshot = run_dir / "snapshots" / entry.id
    return Delivery(entry, run_dir, {name: snapshot / name for name in entry.files}, progress)


@pytest.mark.parametrize("settings", [{}, {"revision": "run/7"}, {"overwrite_hub_revision": True}], ids=str)
def test_a_reader_never_sees_half_a_branch(run_dir, settings):
    row, seen = checkpoint(run_dir, 1), []
    branch = run_dir / "hub" / put(run_dir, row, **settings)
    if settings.get("overwrite_hub_revision"):
        branch.mkdir(parents=True)
        (branch / "old.txt").write_text("old")

    def look(done, total):
        seen.append(sorted(path.name for path in branch.iterdir()) if branch.exists() else [])

    RevisionHandler(run_dir).deliver(job(run_dir, look))
    assert len(seen) == 3 and all(names in ([], ["old.txt"]) for names in seen)
    assert_published(run_dir, row, branch.relative_to(run_dir / "hub"))


DIE = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from plugins.hub_revisions.hubs.test_folder import RevisionHandler, job
moments = iter(range(99))
def die(*args):
    if next(moments) == int(sys.argv[3]):
        os.kill(os.getpid(), 9)
if sys.argv[4]:
    real = getattr(os, sys.argv[4])
    setattr(os, sys.argv[4], lambda *args, **options: (die(), real(*args, **options))[1])
    die_at_file = lambda done, total: None
else:
    die_at_file = die
RevisionHandler(Path(sys.argv[1])).deliver(job(Path(sys.argv[1]), die_at_file))
"""


@pytest.mark.parametrize(("call", "number"), [("", 0), ("", 2), ("fsync", 3), ("fsync", 4), ("rename", 0)])
def test_a_courier_killed_in_the_middle_of_a_branch_leaves_none(run_dir, call, number):
    row = checkpoint(run_dir, 1)
    branch = put(run_dir, row)
    tests = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", DIE, str(run_dir), tests, str(number), call]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path.name for path in (run_dir / "hub").iterdir()] == [f".{branch}.part"]
    deliver(run_dir)
    assert_published(run_dir, row, branch)
    assert [path.name for path in (run_dir / "hub").iterdir()] == [branch]


def test_branches_whose_name_holds_a_slash_are_pruned_like_others(run_dir):
    for step in (1, 2):
        put(run_dir, checkpoint(run_dir, step), revision="run/7", keep_last=1)
        deliver(run_dir)
        announce(run_dir, revision="run/7", keep_last=1)
    deliver(run_dir)
    assert [path.name for path in (run_dir / "hub" / "run").iterdir()] == ["7-step-000000002"]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_a_courier_killed_at_a_random_moment_leaves_each_checkpoint_whole(run_dir, number):
    rows = [checkpoint(run_dir, step, size=400_000) for step in (1, 2, 3, 4)]
    branches = [put(run_dir, row) for row in rows]
    kill_courier(run_dir, number, (0.15, 0.55))
    for folder in (run_dir / "hub").glob("main-*"):
        assert (folder / COMMIT).exists(), "a branch is whole or not there"
    deliver(run_dir)
    for row, branch in zip(rows, branches, strict=True):
        assert_published(run_dir, row, branch)
    assert not [path for path in (run_dir / "hub").iterdir() if path.name.startswith(".")]
