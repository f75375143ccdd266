"""The command line, where somebody closed what it is pointed at: one sentence, exit code 2, whatever is closed."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import warm
from conftest import QUIET
from waiting import PATIENCE

TESTS = Path(__file__).parents[2]
AS_USER = """
import sys
sys.path.append(sys.argv.pop(1))
from privileges import modes_count
from callsheet.__main__ import run
with modes_count():
    run()
"""
CLOSING = """
import os
from transformers import TrainerCallback

class Closing(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 6:
            os.chmod(args.output_dir, 0o555)
"""


@pytest.fixture
def as_user(tmp_path):
    """Run `callsheet` with the rights of a user, after a command of the shell has closed something."""

    def run(closing, *arguments, **environment):
        os.chdir(tmp_path)
        assert os.system(closing) == 0
        command = [sys.executable, "-c", AS_USER, str(TESTS), *arguments]
        return warm.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    before = Path.cwd()
    yield run
    os.chdir(before)
    os.system(f"chmod -R u+rwX {tmp_path}")


@pytest.fixture
def run(tmp_path):
    """A run that failed, with an outbox and a checkpoint."""
    folder = tmp_path / "run"
    (folder / "checkpoint-2").mkdir(parents=True)
    (folder / "checkpoint-2" / "model.safetensors").write_text("x")
    for state in ("pending", "active", "done", "failed"):
        (folder / "outbox" / state).mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"run": "run", "status": "failed", "config": {}}))
    (folder / "config.yaml").write_text("plugins: {}\n")
    row = {"name": "checkpoint-2", "step": 2, "epoch": 1.0, "path": "checkpoint-2"}
    row["files"] = {"model.safetensors": {"size": 1, "sha256": ""}}
    (folder / "checkpoints.jsonl").write_text(json.dumps(row) + "\n")
    return folder


@pytest.mark.parametrize(
    ("closed", "arguments"),
    [
        ("run", ["status", "run"]),
        ("run/run.json", ["status", "run"]),
        ("run/checkpoint-2", ["status", "run"]),
        ("run/outbox", ["status", "run"]),
        (".", ["status", "run"]),
        ("run", ["outbox", "run"]),
        ("run/outbox/failed", ["outbox", "run"]),
        ("run/outbox", ["outbox", "retry", "run", "all"]),
        ("run/config.yaml", ["outbox", "drain", "run"]),
        ("run/.lock", ["outbox", "drain", "run"]),
        ("run", ["bench", "run", "--benchmarks", "x"]),
    ],
)
def test_what_is_closed_is_named_in_a_sentence(as_user, run, closed, arguments):
    done = as_user(f"touch run/.lock && chmod 0 {closed}", *arguments)
    assert done.returncode == 2 and done.stderr.startswith("callsheet: "), (done.stdout, done.stderr)
    assert "belongs to" in done.stderr and "chmod u+" in done.stderr and len(done.stderr.splitlines()) == 1


def test_of_several_runs_the_closed_one_is_named_beside_the_others(as_user, run, tmp_path):
    shutil.copytree(run, tmp_path / "open")
    done = as_user("chmod 0 run", "status", "run", "open")
    assert "run/run.json cannot be reached" in done.stderr and "open" in done.stdout and done.returncode == 0


def test_a_closed_recipe_and_a_closed_folder_of_recipes_are_named(as_user, tmp_path):
    (tmp_path / "conf" / "recipe").mkdir(parents=True)
    (tmp_path / "conf" / "recipe" / "mine.yaml").write_text("# @package _global_\nexperiment: x\n")
    for closed in ("conf/recipe/mine.yaml", "conf/recipe", "conf"):
        done = as_user(f"chmod 0 {closed}", "check", "--config-dir", "conf", "recipe=mine")
        assert done.returncode == 2 and f"{closed} cannot be read: it belongs to" in done.stderr, done.stderr
        os.chmod(tmp_path / closed, 0o755)
    done = as_user("true", "check", "--config-dir", "conf/recipe/mine.yaml", "recipe=mine")
    assert done.returncode == 2 and "mine.yaml is a file, where a folder is needed." in done.stderr


def test_a_closed_package_of_rewards_is_no_empty_one(as_user, tmp_path):
    (tmp_path / "mine").mkdir()
    done = as_user("chmod 0 mine", "check", "recipe=demo", "plugins=[]", "trainer=grpo", "trainer.rewards=[mine.f]",
                   PYTHONPATH=str(tmp_path))  # fmt: skip
    assert done.returncode == 2 and "mine cannot be read: it belongs to" in done.stderr, done.stderr


def test_a_deleted_working_directory_is_named(as_user):
    done = as_user("true", "status", "x")
    assert done.returncode == 2
    code = AS_USER.replace(
        "import sys\n", "import os, sys\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n", 1
    )
    for arguments in (["status", "x"], ["check", "recipe=demo"]):
        done = warm.run([sys.executable, "-c", code, str(TESTS), *arguments], capture_output=True, text=True)
        assert done.returncode == 2 and "was deleted. Change to one that exists" in done.stderr, done.stderr


def test_a_run_directory_that_is_closed_while_it_trains_is_named_with_the_command_that_goes_on(as_user, tmp_path):
    (tmp_path / "closing.py").write_text(CLOSING)
    done = as_user("true", "train", *QUIET, "+callbacks.closing.path=closing.Closing", "output_dir=run",
                   PYTHONPATH=str(tmp_path))  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert f"cannot be written: the folder {tmp_path}/run belongs to" in done.stderr
    assert "To go on from checkpoint-4: callsheet train" in done.stderr
