"""Whether as many nodes will be there as a launch asks for, by what Slurm says in the environment."""

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.distributed.world import ARM, take_arm
from callsheet.errors import CallsheetError
from callsheet.launch import nodes, on_nodes

JOB = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "n[1-2]"}
STEP = {**JOB, "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "n[1-2]"}
RANKS = {**STEP, "RANK": "0", "WORLD_SIZE": "2", "SLURM_PROCID": "0"}


def plan(*overrides):
    return make_plan(compose(["recipe=demo", "plugins=[]", "launch=ddp", *overrides]), overrides)


@pytest.mark.parametrize(
    ("environ", "overrides", "said"),
    [
        ({}, ["launch.nodes=2"], "launch.nodes=2 needs a Slurm job of 2 nodes; or, without Slurm, launch.endpoint=HOST:PORT"),
        ({}, ["launch.nodes=2", "launch.endpoint=n1"], "launch.endpoint must be HOST:PORT, not 'n1'"),
        ({}, ["launch.nodes=2", "launch.endpoint=n1:99999"], "launch.endpoint must be HOST:PORT, not 'n1:99999'"),
        (JOB, ["launch.nodes=3"], "launch.nodes=3, but Slurm job 7 has 2 nodes. Submit it with --nodes=3"),
        (STEP, ["launch.nodes=3"], "launch.nodes=3, but Slurm job 7 has 2 nodes"),
        ({**STEP, "SLURM_STEP_NUM_NODES": "1"}, ["launch.nodes=2"], "srun started 2 tasks on 1 node of Slurm job 7"),
        ({**STEP, "SLURM_STEP_NUM_TASKS": "1"}, ["launch.nodes=2"], "srun started 1 task on 2 nodes of Slurm job 7"),
        (RANKS, ["launch.nodes=3", "launch.processes=1"], "started the tasks of this run on 2 nodes (n[1-2])"),
        (RANKS, ["launch.processes=2"], "launch.nodes=1, but srun started the tasks of this run on 2 nodes"),
    ],
)  # fmt: skip
def test_a_world_that_will_not_be_is_refused(environ, overrides, said):
    with pytest.raises(CallsheetError) as refused:
        nodes.require(plan(*overrides), environ)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "overrides"),
    [
        ({}, ["launch.processes=2"]),
        ({}, ["launch.nodes=2", "launch.endpoint=n1:29400"]),
        ({}, ["launch.nodes=2", 'launch.endpoint="[fe80::1]:29400"']),
        (JOB, ["launch.nodes=2"]),
        (STEP, ["launch.nodes=2", "launch.processes=8"]),
        (RANKS, []),
        (RANKS, ["launch.nodes=2", "launch.processes=1"]),
    ],
)
def test_a_world_that_can_be_is_not(environ, overrides):
    nodes.require(plan(*overrides), environ)


def test_a_check_before_the_job_is_submitted_only_warns(monkeypatch):
    asked = plan("launch.nodes=2")
    monkeypatch.setattr(nodes.shutil, "which", lambda name: "/usr/bin/sbatch")
    assert [len(said) for said in nodes.problems(asked, {})] == [0, 1]
    monkeypatch.setattr(nodes.shutil, "which", lambda name: None)
    assert [len(said) for said in nodes.problems(asked, {})] == [1, 0]


def test_a_process_that_is_alone_in_its_job_starts_the_others():
    assert on_nodes.wanted(plan("launch.nodes=2"), JOB)
    for environ, overrides in ((STEP, ["launch.nodes=2"]), (JOB, []), ({}, ["launch.nodes=2"])):
        assert not on_nodes.wanted(plan(*overrides), environ)


def test_the_processes_on_the_nodes_are_the_run_of_the_arm_that_was_handed_to_this_one(monkeypatch, tmp_path):
    assert ARM not in on_nodes.handed_on()
    monkeypatch.setenv(ARM, str(tmp_path / "a.json"))
    take_arm()
    assert on_nodes.handed_on()[ARM] == str(tmp_path / "a.json")
