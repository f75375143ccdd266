"""Runs on two real processes over gloo: that each engine is what it claims, and that plugins cannot tell them apart."""

import json
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from socket import create_server
from types import SimpleNamespace

import pytest
import warm
from runs import COLD, SHARDED, Run, alive, same
from waiting import PATIENCE, wait_until

from callsheet.launch.launcher import Forwarding
from callsheet.process.signals import Interrupted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run under an engine, made once."""
    made = {}

    def run(launch):
        if launch not in made:
            made[launch] = Run(tmp_path_factory.mktemp(launch), launch=launch).wait()
        return made[launch]

    return run


CONTRACT = [
    ("on_run_start", None),
    ("add_callbacks", None),
    ("on_train_start", 0),
    ("on_step_end", 1),
    ("on_step_end", 2),
    ("on_checkpoint", 2),
    ("on_step_end", 3),
    ("on_eval", 3),
    ("on_step_end", 4),
    ("on_checkpoint", 4),
    ("on_step_end", 5),
    ("on_step_end", 6),
    ("on_eval", 6),
    ("on_checkpoint", 6),
    ("on_train_end", 6),
    ("on_run_end", 6),
]


@pytest.mark.parametrize("launch", ["single", "ddp", *SHARDED])
def test_hooks_come_in_the_same_order_with_the_same_steps_under_every_launch(whole, launch):
    run = whole(launch)
    ranks = [0] if launch == "single" else [0, 1]
    for rank in ranks:
        assert run.hooks("witness", rank) == CONTRACT
    assert run.hooks("observer") == CONTRACT
    assert not run.said("observer", 1), "a plugin of the main rank runs once"
    if len(ranks) == 2:
        losses = [[e["loss"] for e in run.said("witness", rank) if e["hook"] == "on_eval"] for rank in ranks]
        assert losses[0] == losses[1]
        mine = sorted(path.name for path in (run.path / "checkpoint-4" / "callsheet" / "witness").iterdir())
        assert mine == ["rank-0", "rank-1"]
        manifest = [json.loads(line) for line in (run.path / "checkpoints.jsonl").read_text().splitlines()]
        assert "callsheet/witness/rank-1" in manifest[-1]["files"] and "rng_state_1.pth" in manifest[-1]["files"]


@pytest.mark.parametrize("launch", ["single", "ddp", *SHARDED])
def test_the_engine_is_what_it_claims_to_be(whole, launch):
    run = whole(launch)
    ranks = [0] if launch == "single" else [0, 1]
    seen = [next(entry for entry in run.said("witness", rank) if "wrapper" in entry) for rank in ranks]
    assert {entry["world_size"] for entry in seen} == {len(ranks)} and len({entry["pid"] for entry in seen}) == len(
        ranks
    )
    first, size = seen[0], sum(tensor.numel() for tensor in run.weights().values())
    wrappers = {"single": "LlamaForCausalLM", "ddp": "DistributedDataParallel", "fsdp2": "FSDPLlamaForCausalLM"}
    assert first["wrapper"] == wrappers.get(launch, "DeepSpeedEngine")
    assert first["dtensors"] == (first["parameters"] if launch == "fsdp2" else 0)
    assert first["partitioned"] == (first["parameters"] if launch == "zero3" else 0)
    if launch in ("zero3", "fsdp2"):
        assert all(0.4 * size < entry["held"] < 0.6 * size for entry in seen), "each rank keeps its half"
    engines = {"zero2": "DeepSpeedZeroOptimizer", "zero3": "DeepSpeedZeroOptimizer_Stage3"}
    assert first["engine"] == engines.get(launch, "NoneType")
    assert run.status()["world"]["engine"] == launch and run.status()["world"]["processes"] == len(ranks)


@pytest.mark.parametrize("launch", ["ddp", *SHARDED])
def test_the_saved_model_loads_and_holds_the_weights_of_the_engine(whole, launch):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run = whole(launch)
    engine = torch.load(run.folder / "engine.pt")
    model = AutoModelForCausalLM.from_pretrained(run.path)
    assert same(dict(model.named_parameters()), engine)
    assert model.config.use_cache is True
    assert model.generation_config.eos_token_id == AutoTokenizer.from_pretrained(run.path).eos_token_id
    card = (run.path / "README.md").read_text()
    assert "- callsheet" in card and "- sft" in card
    assert json.loads((run.path / "train_results.json").read_text())["train_loss"] > 0
    assert (run.path / "trainer_state.json").is_file()


def test_a_run_killed_on_one_rank_and_resumed_equals_an_uninterrupted_one(whole, tmp_path):
    """Under the other engines it is done in plugins/bema/test_engines.py, with the averages."""
    killed = Run(tmp_path, "+plugins=trouble", "plugins.trouble.how=kill", "plugins.trouble.step=5", launch="ddp")
    killed.wait(1)
    assert "Rank 1 (process" in killed.output and "was killed by SIGKILL" in killed.output
    assert killed.status()["status"] == "failed"
    again = Run(tmp_path, launch="ddp").wait()
    assert [event["step"] for event in again.events("resuming")] == [4]
    assert same(again.weights(), whole("ddp").weights())
    assert same(again.weights("checkpoint-6"), whole("ddp").weights("checkpoint-6"))


@pytest.mark.parametrize("launch", ["ddp", "zero3"])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_plugin_that_raises_on_one_rank_ends_all_processes_and_is_named_once(tmp_path, launch, rank):
    trouble = ["+plugins=trouble", "plugins.trouble.how=raise", f"plugins.trouble.rank={rank}"]
    run = Run(tmp_path, *trouble, launch=launch)
    run.wait_for("on_step_end", 2, rank)
    run.wait(1)
    message = (
        f"Plugin 'trouble' (callsheet-witness 1.0) raised in on_step_end on rank {rank}: RuntimeError: trouble was"
    )
    assert run.output.count(message) == 1 and run.output.count("Traceback") == 1, run.output
    *_, last, hint = run.output.rstrip().splitlines()
    assert last.endswith("trouble was asked for") and hint.startswith("callsheet: The run lies in ")
    pids = [next(e for e in run.said("witness", r) if "pid" in e)["pid"] for r in (0, 1)]
    assert not any(map(alive, pids))
    assert run.status()["status"] == "failed" and "trouble was asked for" in run.status()["outcome"]["error"]
    assert [entry["status"] for entry in run.said("observer") if entry["hook"] == "on_run_end"] == ["failed"]


def test_a_rank_that_hangs_does_not_outlive_the_one_that_raised(tmp_path):
    trouble = ["+plugins=trouble", "plugins.trouble.how=sleep", "plugins.trouble.rank=1"]
    run = Run(tmp_path, *trouble, launch="ddp")
    run.wait_for("on_step_end", 3, 1)
    os.kill(next(e for e in run.said("witness") if "pid" in e)["pid"], signal.SIGKILL)
    run.wait(1)  # or it sleeps for longer than anybody waits
    assert not alive(next(e for e in run.said("witness", 1) if "pid" in e)["pid"])


@pytest.mark.parametrize(
    ("signum", "code", "launch"),
    [(signal.SIGTERM, 143, "ddp"), (signal.SIGINT, 130, "zero3"), (signal.SIGTERM, 143, "fsdp2")],
)
def test_a_signal_to_the_driver_finishes_the_step_and_saves_on_every_rank(tmp_path, whole, signum, code, launch):
    run = Run(tmp_path, "trainer.args.max_steps=100000", "trainer.args.save_steps=1000", launch=launch)
    run.wait_for("on_step_end", 4)
    run.process.send_signal(signum)
    run.wait(code)
    step = run.status()["outcome"]["step"]
    assert run.status()["status"] == "interrupted" and "Traceback" not in run.output
    assert (
        run.output.count("finishing this step") == 1 and "The run lies in run. To go on from checkpoint-" in run.output
    )
    for rank in (0, 1):
        assert run.hooks("witness", rank)[-3:] == [
            ("on_checkpoint", step),
            ("on_train_end", step),
            ("on_run_end", step),
        ]
        assert run.said("witness", rank)[-1]["status"] == "interrupted"
    again = Run(tmp_path, f"trainer.args.max_steps={step + 2}", "trainer.args.save_steps=1000", launch=launch).wait()
    assert [event["step"] for event in again.events("resuming")] == [step]


def test_a_signal_while_the_workers_start_leaves_nothing_behind(tmp_path):
    run = Run(tmp_path, launch="ddp", start=COLD)
    children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children")
    run.wait_until(lambda: len(children.read_text().split()) >= 2)
    workers = children.read_text().split()
    run.process.terminate()
    run.wait(143)
    assert "callsheet: stopped by SIGTERM." in run.output and "Traceback" not in run.output
    wait_until(lambda: not any(alive(int(pid)) for pid in workers))  # the kernel ends them a moment after their driver


def test_a_signal_to_one_worker_stops_all_of_them_at_the_same_step(tmp_path):
    run = Run(tmp_path, "+plugins=trouble", "plugins.trouble.how=terminate", launch="ddp").wait(143)
    assert run.hooks("witness", 0) == run.hooks("witness", 1)
    assert run.status()["status"] == run.said("witness")[-1]["status"] == "interrupted"
    assert run.hooks("witness")[-1] == ("on_run_end", 3) and (run.path / "checkpoint-3" / "optimizer.pt").is_file()


def test_a_second_signal_stops_at_once(tmp_path):
    run = Run(tmp_path, "+plugins=trouble", "plugins.trouble.how=sleep", "plugins.trouble.rank=0", launch="ddp")
    run.wait_for("on_step_end", 3)
    run.process.terminate()
    run.wait_until(lambda: "finishing this step" in run.output)
    assert run.process.poll() is None
    run.process.terminate()
    run.wait(143)
    assert not (run.path / "checkpoint-3").exists()


def test_a_signal_after_the_last_worker_has_ended_leaves_the_result_alone():
    starting, over = (Forwarding(SimpleNamespace(processes=dict)) for _ in range(2))
    with pytest.raises(Interrupted):
        starting.handle(signal.SIGTERM, None)
    over.over = True
    over.handle(signal.SIGTERM, None)
    assert over.received == signal.SIGTERM


def test_no_worker_outlives_a_driver_that_was_killed(tmp_path):
    run = Run(tmp_path, "trainer.args.max_steps=100000", "trainer.args.save_steps=100000", launch="ddp")
    run.wait_for("on_step_end", 3)
    pids = [next(e for e in run.said("witness", rank) if "pid" in e)["pid"] for rank in (0, 1)]
    run.process.kill()
    run.process.wait()
    wait_until(lambda: not any(map(alive, pids)))


@pytest.mark.parametrize("how", ["stop", "save"])
def test_what_one_rank_asks_for_all_ranks_do(tmp_path, how):
    run = Run(tmp_path, "+plugins=trouble", f"plugins.trouble.how={how}", launch="ddp").wait()
    for rank in (0, 1):
        assert ("on_checkpoint", 3) in run.hooks("witness", rank)
    assert run.hooks("witness", 0) == run.hooks("witness", 1)
    assert [(row["plugin"], row["rank"], row["request"]) for row in run.events("requested")] == [("trouble", 1, how)]
    assert run.status()["status"] == ("stopped" if how == "stop" else "completed")


def test_a_mistake_that_only_the_workers_see_is_said_once(tmp_path):
    run = Run(tmp_path, "callbacks.x.path=json.decoder.STRINGCHUNK", launch="ddp").wait(2)
    assert run.output.count("is not a transformers.TrainerCallback") == 1 and "Traceback" not in run.output


def test_a_library_that_warns_at_every_step_is_heard_once_from_each_process(whole):
    said = Counter(line for line in whole("zero3").output.splitlines() if "Warning: " in line)
    assert all(count <= 2 for count in said.values()), said.most_common(3)


def test_ddp_goes_on_with_another_number_of_processes_and_says_so(tmp_path, whole):
    run = Run(tmp_path, "trainer.args.max_steps=4", launch="ddp").wait()
    again = Run(tmp_path, "trainer.args.max_steps=6", launch="single").wait()
    assert "checkpoint-4 was saved by 2 processes and resumes with 1: what follows is not" in again.output
    assert again.output.count("Resuming from checkpoint-4.") == 1
    assert again.events("resuming")[0]["processes"] == [2, 1]
    assert again.status()["status"] == "completed" and run.path == again.path


def moments(checkpoint):
    """The sum of Adam's first moments in an optimizer that FSDP2 saved whole."""
    import torch

    return sum(
        float(state["exp_avg"].abs().sum()) for state in torch.load(checkpoint / "optimizer.bin")["state"].values()
    )


@pytest.mark.parametrize("kind", ["FULL_STATE_DICT", "SHARDED_STATE_DICT"])
def test_fsdp2_goes_on_with_another_number_of_processes(tmp_path, kind):
    from transformers import AutoModelForCausalLM

    settings = [f"launch.config.state_dict_type={kind}"]
    first = Run(tmp_path, *settings, "trainer.args.max_steps=4", launch="fsdp2").wait()
    again = Run(tmp_path, *settings, launch="fsdp2", processes=3).wait()
    assert again.events("resuming")[0]["processes"] == [2, 3]
    before, after = [entry["moments"] for entry in again.said("witness") if "moments" in entry][:2]
    assert after == pytest.approx(before, rel=1e-5) and after > 0
    if kind == "FULL_STATE_DICT":
        assert after == pytest.approx(moments(first.path / "checkpoint-4"), rel=1e-5)
    assert AutoModelForCausalLM.from_pretrained(again.path)


@pytest.mark.parametrize("launch", ["zero2", "zero3"])
def test_zero_names_both_numbers_of_processes_when_it_cannot_go_on(tmp_path, whole, launch):
    checkpoint = whole(launch).path / "checkpoint-4"
    refused = Run(tmp_path, f"resume={checkpoint}", launch=launch, processes=1).wait(2)
    assert (
        f"was saved by 2 processes of launch={launch}" in refused.output and "1 cannot take it over" in refused.output
    )
    refused = Run(tmp_path / "other", f"resume={checkpoint}", launch="ddp").wait(2)
    assert f"was saved by launch={launch}, and launch=ddp cannot read its optimizer" in refused.output


def test_started_by_torchrun_it_runs_as_a_worker_in_one_directory(tmp_path):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    run = Run(tmp_path, "output_dir=runs/rank-${oc.env:RANK}", launch="single", start=torchrun).wait()
    (run.path,) = (tmp_path / "runs").iterdir()
    assert run.path.name == "rank-0", "rank 0's run directory is everybody's"
    assert run.status()["world"] == {"engine": "ddp", "processes": 2, "started_by": "torchrun"}
    assert run.output.count(" steps on ") == 1, "what the trainer made of its data is said by one rank"
    assert run.hooks("witness", 0) == run.hooks("witness", 1) == CONTRACT


def test_a_world_that_was_not_asked_for_is_refused(tmp_path):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    run = Run(tmp_path, launch="ddp", processes=3, start=torchrun).wait(1)  # torchrun's own code
    assert "asks for 3 processes, but 2 run, started by torchrun" in run.output


def test_fsdp2_on_cpus_is_refused_where_accelerate_would_run_plain_ddp(tmp_path):
    command = [
        sys.executable,
        "-m",
        "callsheet",
        "train",
        "recipe=demo",
        "plugins=[]",
        "launch=fsdp2",
        "launch.processes=2",
    ]
    done = warm.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2 and "accelerate would silently run plain DDP" in done.stderr


def test_two_nodes_meet_and_train_as_one_run(tmp_path):
    port = free_port()
    nodes = [
        Run(
            tmp_path,
            "launch.nodes=2",
            f"launch.endpoint=localhost:{port}",
            f"output_dir=runs/{name}",
            launch="ddp",
            processes=1,
        )
        for name in ("here", "there")
    ]
    for node in nodes:
        node.wait()
    run = nodes[0]
    made = [path for path in (tmp_path / "runs").iterdir() if path.is_dir()]
    assert len(made) == 1, "rank 0's run directory is everybody's"
    run.path = made[0]
    assert run.status()["world"]["processes"] == 2
    assert run.hooks("witness", 0) == run.hooks("witness", 1) == CONTRACT


def free_port():
    with create_server(("localhost", 0)) as server:
        return server.getsockname()[1]


def on_two(tmp_path, *overrides, first=(), second=()):
    """Two drivers that take themselves for those of two nodes, n1 and n2."""
    both = ("launch.nodes=2", f"launch.endpoint=localhost:{free_port()}", f"output_dir={tmp_path}/run", *overrides)
    return [
        Run(tmp_path / host, *both, *own, launch="ddp", processes=1, env={"SLURMD_NODENAME": host})
        for host, own in (("n1", first), ("n2", second))
    ]


def test_where_a_process_of_one_node_is_killed_both_nodes_name_it(tmp_path):
    runs = on_two(tmp_path, "+plugins=trouble", "plugins.trouble.how=kill", "plugins.trouble.step=3")
    for run in runs:
        run.wait(1)
    said = r"On n\d: Rank 1 \(process \d+\) was killed by SIGKILL"
    assert sum(len(re.findall(said, run.output)) for run in runs) == 1, "\n".join(run.output for run in runs)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "failed" and re.match(said, record["outcome"]["error"])
    assert record["world"]["nodes"] == 2 and sorted(record["world"]["hosts"]) == ["n1", "n2"]


def test_nodes_with_different_commands_say_in_what_they_differ(tmp_path):
    runs = on_two(tmp_path, first=["trainer.args.seed=1"], second=["trainer.args.seed=2"])
    for run in runs:
        run.wait(2)
        assert "The nodes run different commands: n" in run.output and "trainer.args.seed=2" in run.output, run.output
    assert not (tmp_path / "run").exists()


def test_a_node_that_waits_in_vain_says_who_came(tmp_path):
    run = Run(tmp_path, "launch.nodes=2", f"launch.endpoint=localhost:{free_port()}", "launch.wait_seconds=1", launch="ddp", processes=1,
              env={"SLURMD_NODENAME": "n1"})  # fmt: skip
    run.wait(2)
    assert "the nodes did not all come to localhost:" in run.output and "1 node came: n1" in run.output


def test_a_last_evaluation_leaves_its_metrics(tmp_path):
    run = Run(tmp_path, "finish.evaluate=true", "trainer.args.eval_strategy=no", launch="ddp").wait()
    results = json.loads((run.path / "eval_results.json").read_text())
    assert results["eval_loss"] > 0 and "train_loss" in json.loads((run.path / "all_results.json").read_text())
    assert ("on_eval", 6) in run.hooks("witness", 1) and not run.said("observer", 1)


def test_started_by_srun_its_tasks_are_the_ranks_of_one_run(tmp_path):
    """srun itself is not needed: it starts as many processes and tells each its place in these variables."""
    step = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0", "SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2"}
    where = {"SLURM_STEP_NODELIST": "localhost", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_JOB_NAME": "train"}
    tasks = [
        Run(
            tmp_path,
            "output_dir=runs/${callsheet.run_name:}-${oc.env:SLURM_PROCID}",
            launch="zero3",
            env={**step, **where, "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)},
        )
        for rank in (0, 1)
    ]
    for task in tasks:
        task.wait()
    run = tasks[0]
    (run.path,) = (tmp_path / "runs").iterdir()
    assert run.path.name.endswith("-0"), "rank 0's run directory is everybody's"
    assert run.status()["world"] == {"engine": "zero3", "processes": 2, "started_by": "srun"}
    assert run.hooks("witness", 0) == run.hooks("witness", 1) == CONTRACT


def test_started_by_accelerate_it_starts_the_processes_that_accelerate_does_not(tmp_path):
    """`accelerate launch --cpu --num_processes 2` runs one process and says nothing."""
    start = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1")
    run = Run(tmp_path, launch="ddp", start=(sys.executable, *start)).wait()
    assert run.status()["world"] == {"engine": "ddp", "processes": 2, "started_by": "callsheet"}
    assert run.hooks("witness", 1) == CONTRACT
