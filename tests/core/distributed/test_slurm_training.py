"""Training on a real Slurm: what the tests of the host only simulate."""

import json
import sys

import pytest
from waiting import wait_until

pytestmark = pytest.mark.slow

TRAIN = (
    *(sys.executable, "-m", "callsheet", "train", "recipe=demo", "plugins=[]", "trainer.args.eval_strategy=no"),
    *("trainer.args.per_device_train_batch_size=4", "trainer.args.logging_steps=1", "trainer.args.max_steps=2"),
)
HERE = ("--cpus-per-task=1", "--mem=2G")
QUIET = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def outputs(folder):
    return "\n".join(path.read_text() for path in folder.glob("slurm-*.out"))


def runs(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("run.json"))]


def test_the_tasks_of_srun_are_the_ranks_of_one_run(slurm, tmp_path):
    done = slurm.run("srun", "--ntasks=2", *HERE, *TRAIN, "launch=ddp", "peft=lora", "output_dir=runs/${oc.env:SLURM_PROCID}",
                     env=QUIET, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path)
    assert run["world"] == {"engine": "ddp", "processes": 2, "started_by": "srun"} and run["status"] == "completed"
    for said in ("Loading ", "2 steps on ", " parameters train "):
        assert done.stderr.count(said) == 1, f"one rank says it, as under other launchers: {done.stderr}"
    assert (tmp_path / "runs" / "0" / "adapter_model.safetensors").is_file(), "rank 0's run directory is everybody's"


def test_a_sweep_runs_every_job_through_sbatch(slurm, tmp_path):
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    site = ("hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2", "hydra.launcher.timeout_min=5")
    done = slurm.run(*TRAIN, "-m", "hydra/launcher=submitit_slurm", *site, "experiment=sweep",
                     "plugins=[],[csv_metrics]", env=QUIET, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    [sweep] = (tmp_path / "outputs" / "sweep").iterdir()
    done = runs(sweep)  # in the order of their start, which Slurm decides
    assert [(run["status"], run["outcome"]["step"]) for run in done] == [("completed", 2)] * 2
    assert sorted([plugin["name"] for plugin in run["plugins"]] for run in done) == [[], ["csv_metrics"]]


def test_a_signal_of_scancel_is_followed_by_a_checkpoint_and_143(slurm, tmp_path):
    training = " ".join([*TRAIN, "trainer.args.max_steps=100000", "trainer.args.save_steps=100000", "output_dir=run"])
    job = slurm.run("sbatch", "--parsable", "--mem=2G", "--wrap", f"exec {training}", env=QUIET, cwd=tmp_path)
    id = job.stdout.strip()
    metrics = tmp_path / "run" / "metrics.jsonl"
    wait_until(lambda: metrics.exists() and metrics.read_text().count("\n") > 2, said=lambda: outputs(tmp_path))
    slurm.run("scancel", "--batch", "--signal=TERM", id)
    wait_until(lambda: not slurm.jobs(), said=lambda: outputs(tmp_path))
    assert "ExitCode=143:0" in slurm.run("scontrol", "show", "job", id).stdout
    (run,) = runs(tmp_path)
    step = run["outcome"]["step"]
    assert run["status"] == "interrupted" and (tmp_path / "run" / f"checkpoint-{step}" / "optimizer.pt").is_file()
