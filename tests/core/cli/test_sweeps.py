"""Sweeps through Hydra's launchers: in this process, one after the other, and through submitit."""

import json

import pytest

pytestmark = pytest.mark.slow

TWO_STEPS = (
    "recipe=demo",
    "experiment=sweep",
    "trainer.args.max_steps=2",
    "trainer.args.eval_strategy=no",
    "trainer.args.per_device_train_batch_size=4",
)


def runs(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.glob("outputs/sweep/demo-*/*/run.json"))]


def test_submitit_runs_every_job_of_a_sweep_in_a_process_of_its_own(callsheet, tmp_path):
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    done = callsheet("train", "-m", "hydra/launcher=submitit_local", *TWO_STEPS, "plugins=[],[csv_metrics]")
    assert done.returncode == 0, done.stderr
    first, second = sorted(runs(tmp_path), key=lambda run: len(run["plugins"]))  # they start together
    assert first["status"] == second["status"] == "completed" and second["outcome"]["step"] == 2
    assert [plugin["name"] for plugin in second["plugins"]] == ["csv_metrics"] and not first["plugins"]
    assert first["attempts"][0]["pid"] != second["attempts"][0]["pid"]
    assert [run["arm"]["differs"] for run in (first, second)] == [{"plugins": "[]"}, {"plugins": "[csv_metrics]"}]
    assert [run["run"] for run in (first, second)] == ["plugins=none", "plugins=csv_metrics"]


def test_a_sweep_that_would_fail_is_refused_before_a_job_is_submitted(callsheet, tmp_path):
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    done = callsheet(
        "train", "-m", "hydra/launcher=submitit_local", *TWO_STEPS, "plugins=[]", "trainer.args.max_stepz=2,3"
    )
    assert done.returncode == 2
    assert "trl.SFTConfig has no argument 'max_stepz'. Did you mean 'max_steps'?" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_sweep_over_launches_finds_the_configurations_of_the_user(callsheet, tmp_path):
    (tmp_path / "mine" / "recipe").mkdir(parents=True)
    recipe = "# @package _global_\ndefaults:\n  - demo\nexperiment: ${model.init}-sweep\n"
    (tmp_path / "mine" / "recipe" / "ours.yaml").write_text(recipe)
    settings = [*TWO_STEPS[2:], "recipe=ours", "plugins=[]", "launch.processes=2"]
    done = callsheet("train", f"--config-dir={tmp_path / 'mine'}", "-m", *settings, "launch=ddp,zero2")
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("outputs/config-sweep/*/*/run.json"))]
    assert [run["world"]["engine"] for run in found] == ["ddp", "zero2"]
    assert {run["world"]["processes"] for run in found} == {2}
    assert [run["arm"]["differs"] for run in found] == [{"launch": "ddp"}, {"launch": "zero2"}]


def test_the_directory_of_a_sweep_holds_that_of_each_run(callsheet, tmp_path):
    for place in ("output_dir='one/${hydra:job.num}'", "output_dir=one,two"):
        done = callsheet("train", "-m", "recipe=demo", place, "trainer.args.seed=1,2")
        assert done.returncode == 2 and "output_dir is the directory of the whole sweep" in done.stderr
    assert not list(tmp_path.iterdir())
    done = callsheet("train", "-m", *TWO_STEPS, "plugins=[]", "output_dir=one", "trainer.args.seed=1,2")
    assert done.returncode == 0, done.stderr
    assert {path.parent.name for path in tmp_path.glob("one/*/run.json")} == {"seed=1", "seed=2"}
    again = callsheet("experiment", "resume", "one")
    assert again.returncode == 0 and "2 arms, of which 2 have ended" not in again.stdout, again.stderr


def test_every_run_of_a_sweep_that_fails_says_why_and_no_secret_with_it(callsheet):
    settings = ["plugins.bema.update_freq=0,1", "+callbacks.x.path=gone.Class", "callbacks.x.api_key=between-us-only"]
    done = callsheet("check", "-m", "recipe=demo", *settings)
    assert done.returncode == 2 and "between-us-only" not in done.stdout + done.stderr
    assert "Run 0 of the sweep failed: plugins.bema.update_freq must be at least 1, got 0." in done.stderr
    assert "Run 1 of the sweep failed: callbacks.x.path=gone.Class: there is no package 'gone'." in done.stderr


def test_a_secret_is_not_handed_to_a_launcher_that_writes_files(callsheet, tmp_path):
    done = callsheet("check", "-m", "recipe=demo", "hydra/launcher=joblib", "callbacks.x.api_key=between-us-only")
    assert done.returncode == 2 and "write 'callbacks.x.api_key=${oc.env:VARIABLE}'" in done.stderr
    assert "between-us-only" not in done.stdout + done.stderr and not list(tmp_path.iterdir())
