"""The same guarantees without an account: revisions in a local folder."""

import json
import os
import random
import signal
import time

import pytest

from .conftest import PUBLISHED, TOKEN, checkpoint, deliver, entries, local, put, start_courier

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
    deliver(run_dir, linger="1")
    found = [*entries(run_dir, "failed"), *entries(run_dir, "pending")]
    assert found and "could not be written: " in found[0].error


def test_old_revisions_are_pruned_and_the_newest_never(run_dir):
    for step in (1, 2, 3):
        put(run_dir, checkpoint(run_dir, step), keep_last=1)
        deliver(run_dir)
    assert [path.name for path in (run_dir / "hub").iterdir()] == ["main-step-000000003"]


def test_a_secret_in_a_published_file_stops_it(run_dir):
    row = checkpoint(run_dir, 1)
    (row.path / "tokenizer.json").write_text(f'{{"auth": "{TOKEN}"}}')
    put(run_dir, row)
    deliver(run_dir)
    assert "seems to hold a secret" in entries(run_dir, "failed")[0].error and not (run_dir / "hub").exists()


def test_what_must_never_leave_is_not_published_even_when_asked_for(run_dir):
    branch = put(run_dir, checkpoint(run_dir, 1), include=["*"])
    deliver(run_dir)
    names = {path.name for path in (run_dir / "hub" / branch).iterdir()}
    assert names == PUBLISHED | {COMMIT, "notes.txt"}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_a_courier_killed_at_a_random_moment_leaves_each_checkpoint_whole(run_dir, number):
    chance = random.Random(number)
    rows = [checkpoint(run_dir, step, size=400_000) for step in (1, 2, 3, 4)]
    branches = [put(run_dir, row) for row in rows]
    process = start_courier(run_dir)
    time.sleep(0.15 + chance.random() * 0.4)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    for folder in (run_dir / "hub").glob("main-*"):
        assert (folder / COMMIT).exists(), "a branch is whole or not there"
    deliver(run_dir)
    for row, branch in zip(rows, branches, strict=True):
        assert_published(run_dir, row, branch)
    assert not [path for path in (run_dir / "hub").iterdir() if path.name.startswith(".")]
