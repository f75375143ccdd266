"""What Slurm says of jobs: a real Slurm, and how often it is asked."""

import os

import pytest
from waiting import wait_until

from callsheet.distributed.slurm import GONE, JobStates, job_of


@pytest.mark.slow
def test_slurm_says_what_state_a_job_is_in(slurm, tmp_path, monkeypatch):
    def submit(*options):
        done = slurm.run("sbatch", "--parsable", "--mem=10M", *options, "--wrap", "sleep 60", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    later, array = submit("--begin=now+1hour"), submit("--array=1-2%1")
    assert JobStates()(later)[0] == "PENDING"
    wait_until(lambda: JobStates()(array)[0] == "RUNNING")
    many = JobStates()
    assert [many(job)[0] for job in ("987651", "987652", "987653", "987654", later, array)] == [
        *([GONE] * 4),
        *("PENDING", "RUNNING"),
    ]
    for job in (later, array):
        slurm.run("scancel", "--signal=KILL", job, cwd=tmp_path)
        slurm.run("scancel", job, cwd=tmp_path)
    wait_until(lambda: JobStates()(array)[0] == JobStates()(later)[0] == GONE)
    assert JobStates()("987654")[0] == GONE


@pytest.mark.parametrize(
    ("says", "answers", "asked"),
    [
        ("echo 'RUNNING|None'", [("RUNNING", ""), ("RUNNING", ""), ("RUNNING", "")], 2),
        ("echo 'Unable to contact slurm controller' >&2; exit 1", [("", ""), ("", ""), ("", "")], 1),
    ],
)
def test_each_job_is_asked_for_once_and_none_after_slurm_was_missed(tmp_path, monkeypatch, says, answers, asked):
    (tmp_path / "squeue").write_text(f"#!/bin/sh\necho >> {tmp_path}/log\n{says}\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    states = JobStates()
    assert [states("1"), states("1"), states("2")] == answers
    assert len((tmp_path / "log").read_text().splitlines()) == asked


def test_many_jobs_are_asked_for_in_one_list(tmp_path, monkeypatch):
    listed = "12|PENDING|Priority\n12|RUNNING|None\n13|PENDING|Priority\n"
    (tmp_path / "list").write_text(listed)
    says = f'case "$*" in *--jobs=*) echo "RUNNING|None";; *) cat {tmp_path}/list;; esac'
    (tmp_path / "squeue").write_text(f"#!/bin/sh\necho >> {tmp_path}/log\n{says}\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    states = JobStates()
    assert {states(str(job)) for job in (1, 2, 3)} == {("RUNNING", "")}
    assert [states(str(job)) for job in range(11, 40)][:4] == [
        *((GONE, ""), ("RUNNING", ""), ("PENDING", "Priority"), (GONE, ""))
    ]
    assert len((tmp_path / "log").read_text().splitlines()) == 4


def test_without_slurm_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert JobStates()("1") == ("", "")


def test_a_task_of_an_array_belongs_to_the_whole():
    assert job_of({"SLURM_JOB_ID": "13", "SLURM_ARRAY_JOB_ID": "12"}) == "12"
    assert job_of({"SLURM_JOB_ID": "13"}) == "13" and job_of({}) == ""
