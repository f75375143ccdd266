"""Training on two nodes of a real Slurm, each with a network, a name and mounts of its own; gloo, no GPUs."""

import json
import sys
import time

import pytest
from runs import ENGINES, WATCHED, Run, same
from waiting import wait_until

pytestmark = pytest.mark.slow

SMALL = (
    *("recipe=demo", "trainer.args.eval_strategy=no", "trainer.args.per_device_train_batch_size=4"),
    *("trainer.args.logging_steps=1", "trainer.args.lr_scheduler_type=constant", "trainer.args.save_steps=100000"),
)
ON_TWO = ("launch=ddp", "launch.nodes=2", "launch.processes=1", "output_dir=run")
TRAIN = (sys.executable, "-m", "callsheet", "train", *SMALL, *WATCHED, *ON_TWO)
HERE = ("--nodes=2", "--ntasks-per-node=1", "--mem=4G")
QUIET = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200", "PYTHONPATH": str(ENGINES / "witness")}


def submit(nodes, folder, pair, *overrides):
    """A batch script of one command, as for one node: it starts the other."""
    script = folder / "job.sh"
    script.write_text("#!/bin/bash\nexec " + " ".join(f"'{part}'" for part in (*TRAIN, *overrides)) + "\n")
    options = (*HERE, f"--nodelist={pair}", "--open-mode=append", "--output=log.txt")
    done = nodes.run("sbatch", "--parsable", *options, str(script), env=QUIET, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def said(folder):
    return (folder / "log.txt").read_text() if (folder / "log.txt").exists() else "no log"


def told(folder, name, rank):
    path = folder / f"{name}-{rank}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run_json(folder):
    return json.loads((folder / "run" / "run.json").read_text())


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "run" / "model.safetensors")


def is_over(nodes):
    time.sleep(0.3)  # each question is a process
    return not nodes.jobs()


def code_of(nodes, job):
    return nodes.run("scontrol", "show", "job", job).stdout.partition("ExitCode=")[2].split()[0]


def test_a_run_that_was_stopped_goes_on_on_two_other_nodes_bit_for_bit(nodes, tmp_path):
    job = submit(nodes, tmp_path, "n1,n2", "trainer.args.max_steps=100000")
    wait_until(lambda: len(told(tmp_path, "witness", 1)) > 6 or is_over(nodes), said=lambda: said(tmp_path))
    nodes.run("scancel", "--batch", "--signal=TERM", job)
    wait_until(lambda: is_over(nodes), said=lambda: said(tmp_path))
    assert code_of(nodes, job) == "143:0", said(tmp_path)
    run = run_json(tmp_path)
    step = run["outcome"]["step"]
    saved = tmp_path / "run" / f"checkpoint-{step}" / "rng_state_1.pth"
    assert run["status"] == "interrupted" and saved.is_file(), said(tmp_path)
    world = {"engine": "ddp", "processes": 2, "started_by": "srun", "nodes": 2}
    assert run["world"] == {**world, "hosts": {"n1": [0], "n2": [1]}}
    assert [entry["step"] for rank in (0, 1) for entry in told(tmp_path, "witness", rank)[-1:]] == [step, step]
    assert not told(tmp_path, "observer", 1), "a plugin of the main rank runs once"

    submit(nodes, tmp_path, "n3,n4", f"trainer.args.max_steps={step + 3}")
    wait_until(lambda: is_over(nodes), said=lambda: said(tmp_path))
    run = run_json(tmp_path)
    assert run["status"] == "completed", said(tmp_path)
    assert run["world"] == {**world, "hosts": {"n3": [0], "n4": [1]}}
    assert [attempt["host"] for attempt in run["attempts"]] == ["n1", "n3"]

    whole = Run(tmp_path / "whole", f"trainer.args.max_steps={step + 3}", launch="ddp", small=SMALL).wait()
    assert same(weights(tmp_path), whole.weights())


def test_a_run_directory_that_one_node_does_not_see_is_refused_before_anything_is_loaded(nodes, tmp_path):
    nodes.network.sh("n2", f"mount -t tmpfs none {tmp_path}")
    try:
        done = nodes.run("srun", "--nodelist=n1,n2", *HERE, f"--chdir={tmp_path}", *TRAIN[:-1],
                         f"output_dir={tmp_path}/run", env=QUIET, cwd=tmp_path)  # fmt: skip
    finally:
        nodes.network.sh("n2", f"umount {tmp_path}")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count(f"callsheet: n2 cannot see {tmp_path}/run") == 1 and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
