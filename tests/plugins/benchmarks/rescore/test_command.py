"""`callsheet bench`: runs, checkpoints and folders, through the same path."""

import json
import os
import subprocess
import sys

import pytest
import warm
from waiting import PATIENCE, wait_until

from callsheet.rundir import checkpoints
from callsheet.rundir.rundir import EVALS, RunDir
from plugins.benchmarks.conftest import callsheet, checkpoint
from plugins.benchmarks.test_handler import published


@pytest.fixture
def overrides(engine):
    define = engine()["mine"]
    command = ",".join(json.dumps(part) for part in define["command"])
    return ["--benchmarks", "mine", "plugins.benchmarks.define.mine.engine=command",
            f"plugins.benchmarks.define.mine.command=[{command}]"]  # fmt: skip


def rows(folder):
    return list(RunDir(folder, is_main=False).rows(EVALS))


def test_a_model_folder_gets_a_run_directory_of_its_own_and_its_scores_are_found_again(tmp_path, overrides, diary):
    folder = checkpoint(tmp_path, 5).path
    done = callsheet("bench", folder, *overrides, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "5.000" in done.stdout and "Traceback" not in done.stderr
    (made,) = (tmp_path / "outputs" / "bench").iterdir()
    [row] = rows(made)
    assert (row["step"], row["metrics"]) == (None, {"score": 5.0})
    assert row["commit"].startswith(made.name) and row["key"] == f"mine:raw:{row['commit']}:"

    moved = folder.rename(tmp_path / "elsewhere")
    (moved / "README.md").write_text("A card says nothing of the answers.")
    again = callsheet("bench", moved, *overrides, cwd=tmp_path)
    assert again.returncode == 0 and "5.000" in again.stdout, again.stderr
    assert len(rows(made)) == len(diary("began")) == 1, "it was not scored again"

    (moved / "model.safetensors").write_bytes(b"W" * 5)  # of the same name and size
    other = callsheet("bench", moved, *overrides, cwd=tmp_path)
    assert other.returncode == 0 and len(diary("began")) == 2, other.stderr
    assert len([*(tmp_path / "outputs" / "bench").iterdir()]) == 2

    added = callsheet("bench", moved, *overrides, "plugins.benchmarks.define.mine.limit=3", cwd=tmp_path)
    assert added.returncode == 0 and len(diary("began")) == 3, "other settings measure something else"


def test_two_at_once_score_once(tmp_path, engine, diary):
    folder = checkpoint(tmp_path, 5).path
    command = ",".join(json.dumps(part) for part in engine(until=str(tmp_path / "now"))["mine"]["command"])
    define = ("plugins.benchmarks.define.mine.engine=command", f"plugins.benchmarks.define.mine.command=[{command}]")
    arguments = [sys.executable, "-m", "callsheet", "bench", folder, "--benchmarks", "mine", *define]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    both = [warm.Popen([*map(str, arguments)], cwd=tmp_path, env={**os.environ}, **streams) for _ in range(2)]
    wait_until(lambda: diary("began"))
    (tmp_path / "now").touch()
    said = [one.communicate(timeout=PATIENCE)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert len(diary("began")) == 1 and all("5.000" in text for text in said)


def test_a_checkpoint_that_somebody_has_changed_is_scored_again(run_dir, engine, diary, tmp_path):
    published(run_dir, engine())
    row = checkpoint(run_dir, 1)
    checkpoints.record(RunDir(run_dir), checkpoints.with_files(row))
    assert callsheet("bench", run_dir, cwd=tmp_path).returncode == 0
    (row.path / "model.safetensors").write_bytes(b"w" * 7)
    done = callsheet("bench", run_dir, cwd=tmp_path)
    assert done.returncode == 0 and len(diary("began")) == 2, done.stderr
    assert [found["metrics"] for found in rows(run_dir)] == [{"score": 1.0}, {"score": 7.0}]
    assert len({found["key"] for found in rows(run_dir)}) == 2


def test_all_checkpoints_of_a_run_or_one_of_them_are_scored_once(run_dir, engine, diary, tmp_path):
    published(run_dir, engine())
    for step in (1, 2, 3):
        row = checkpoint(run_dir, step)
        checkpoints.record(RunDir(run_dir), checkpoints.with_files(row))
    one = callsheet("bench", run_dir / "checkpoint-2", cwd=tmp_path)
    assert one.returncode == 0, one.stderr
    assert [row["step"] for row in rows(run_dir)] == [2]
    everything = callsheet("bench", run_dir, cwd=tmp_path)
    assert everything.returncode == 0, everything.stderr
    assert sorted(row["step"] for row in rows(run_dir)) == [1, 2, 3] and len(diary("began")) == 3
    assert "at 1" in everything.stdout and "at 3" in everything.stdout


def test_a_recipe_adds_benchmarks_to_those_of_the_run(run_dir, engine, tmp_path):
    published(run_dir, engine())
    checkpoints.record(RunDir(run_dir), checkpoints.with_files(checkpoint(run_dir, 1)))
    (tmp_path / "conf" / "recipe").mkdir(parents=True)
    define = {"other": engine()["mine"]}
    recipe = f"# @package _global_\nplugins: {{benchmarks: {{define: {json.dumps(define)}}}}}\n"
    (tmp_path / "conf" / "recipe" / "ours.yaml").write_text(recipe)
    done = callsheet(
        "bench", run_dir, "--benchmarks", "mine,other", "--config-dir", tmp_path / "conf", "recipe=ours", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert sorted(row["name"] for row in rows(run_dir)) == ["mine", "other"]


@pytest.mark.parametrize(
    ("target", "arguments", "said"),
    [
        ("run", ["--benchmarks", "mien"], "No benchmark is called 'mien'. Did you mean 'mine'?"),
        ("runs", [], "runs is no run, no model folder and no repository on the Hub. Did you mean 'run'?"),
        ("run", ["plugins.benchmarks.slot=2"], "has no setting 'slot'. Did you mean 'slots'?"),
        ("run", ["--benchmarks", "mine"], "holds no checkpoint any more, and none was published"),
    ],
)
def test_mistakes_are_answered_with_one_sentence(run_dir, engine, tmp_path, target, arguments, said):
    published(run_dir, engine())
    if "no checkpoint" not in said:
        row = checkpoint(run_dir, 1)
        checkpoints.record(RunDir(run_dir), checkpoints.with_files(row))
    done = callsheet("bench", target, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_command_of_another_package_is_found_and_imported_only_when_it_is_called(tmp_path):
    info = tmp_path / "site" / "hello-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[callsheet.commands]\nhello = hello:hello\nbroken = nowhere:hello\n")
    (tmp_path / "site" / "hello.py").write_text(
        "import click\nprint('imported')\n\n@click.command()\ndef hello():\n    print('hi')\n    return 0\n"
    )
    listed = callsheet("--help", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert "hello" in listed.stdout and "From hello 1.0." in listed.stdout and "imported" not in listed.stdout
    called = callsheet("hello", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert called.stdout == "hi\n" and "imported\n" in called.stderr  # what an import prints is no answer
    broken = callsheet("broken", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert broken.returncode == 2 and "'broken' from hello 1.0 could not be imported" in broken.stderr
