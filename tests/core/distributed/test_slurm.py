"""The tasks of srun as ranks."""

import pytest

from callsheet.distributed.slurm import first_node, join_slurm, of_this_task, port
from callsheet.distributed.world import World, world

STEP = {
    "SLURM_JOB_ID": "7001",
    "SLURM_STEP_ID": "1",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NTASKS": "4",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_STEP_NODELIST": "gpu[03-04]",
}


def test_tasks_of_srun_become_ranks():
    environ = dict(STEP)
    join_slurm(environ)
    assert world(environ) == World(3, 4, "srun")
    assert (environ["LOCAL_RANK"], environ["LOCAL_WORLD_SIZE"]) == ("1", "2")
    assert (environ["MASTER_ADDR"], environ["MASTER_PORT"]) == ("gpu03", str(port(STEP)))


def test_steps_and_jobs_that_run_side_by_side_meet_at_ports_of_their_own():
    steps = [{"SLURM_JOB_ID": str(job), "SLURM_STEP_ID": str(step)} for job in range(7000, 7100) for step in range(100)]
    ports = {port(step) for step in steps}
    assert len(ports) == len(steps) and min(ports) >= 20_000 and max(ports) < 32_768


def test_what_a_task_starts_for_itself_is_no_task_of_its_step():
    environ = {**STEP, "SLURM_CONF": "slurm.conf", "SLURMD_NODENAME": "gpu03", "PATH": "/bin"}
    for name in of_this_task(environ):
        del environ[name]
    assert environ.keys() == {"SLURM_JOB_ID", "SLURM_CONF", "SLURMD_NODENAME", "PATH"}


def test_a_batch_script_of_several_tasks_is_one_process():
    environ = {name: value for name, value in STEP.items() if "STEP" not in name}
    join_slurm(environ)
    assert world(environ) == World()


def test_one_task_a_node_is_the_driver_of_its_node():
    environ = {**STEP, "SLURM_STEP_NUM_TASKS": "2"}
    join_slurm(environ, nodes=2, processes=8)
    assert not world(environ).is_worker
    join_slurm(environ, nodes=2, processes=1)
    assert world(environ).is_worker


def test_what_torchrun_said_is_left_alone():
    environ = {**STEP, "RANK": "0", "WORLD_SIZE": "2"}
    join_slurm(environ)
    assert environ["WORLD_SIZE"] == "2"


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("gpu[03-04,07],cpu1", "gpu03"), ("a,b", "a"), ("node1", "node1"), ("rack1-n[2,5]", "rack1-n2"), ("n[7]", "n7")],
)
def test_the_first_node_is_found_in_slurms_shorthand(nodes, first):
    assert first_node({"SLURM_STEP_NODELIST": nodes}) == first
