"""Benchmark jobs on a real Slurm: what happens to one, and that there is never a second."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from waiting import wait_until

from callsheet.outbox import Parked, Permanent, Transient
from callsheet_plugins.benchmarks.dispatch.script.dispatcher import ScriptDispatcher
from callsheet_plugins.benchmarks.dispatch.slurm.commands import Answer, refusal
from callsheet_plugins.benchmarks.dispatch.slurm.dispatcher import Slurm
from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings
from callsheet_plugins.benchmarks.dispatch.slurm.submission import Submission, submission_of
from callsheet_plugins.benchmarks.dispatch.slurm.trial import problem_with

QUICK = "print('scored')"
LONG = "import time; print('begun', flush=True); time.sleep(600)"
NASTY = "a 'b' \"c\" $(touch executed) `touch executed` ; touch executed & \\ %j #x ${HOME} é\n* | > executed\n"
ON_ONE_LINE = NASTY.strip().replace("\n", " ")


def status(attempt):
    return json.loads((attempt.folder / "status.json").read_text())


def log(attempt):
    return (attempt.folder / "log.txt").read_text()


def wait_for(path):
    wait_until(lambda: path.exists() and path.read_text(), said=lambda: path)


def test_a_job_runs_with_its_gpus_and_without_the_place_of_the_training_process(place, attempt, until, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "SLURM_NTASKS", "TORCHELASTIC_RUN_ID", "SBATCH_WAIT"):
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("MY_OWN", "here")
    slurm = place()
    job = attempt("import json, os; print(json.dumps(dict(os.environ)))", gpus=2)
    handle = slurm.submit(job)
    assert until(slurm, job, handle, "ended", "lost").state == "ended"
    seen = json.loads(log(job))
    assert status(job)["state"] == "succeeded" and status(job)["slurm_job_id"] == handle
    assert seen["CUDA_VISIBLE_DEVICES"].count(",") == 1 and seen["MY_OWN"] == "here" and seen["SLURM_CONF"]
    assert not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "TORCHELASTIC_RUN_ID"} & seen.keys()
    assert seen.get("SLURM_NTASKS") != "7"


def test_names_and_arguments_arrive_byte_for_byte_and_nothing_is_executed(place, attempt, until, tmp_path):
    prompt = NASTY + "x" * 10_000
    job = attempt(
        "import json, sys; print(json.dumps(sys.argv[1:]))", prompt, name='it\'s $(touch executed) "é" ; touch x'
    )
    slurm = place(setup=["export SITE='module loaded'"], options={"comment": ON_ONE_LINE})
    handle = slurm.submit(job)
    until(slurm, job, handle, "ended")
    assert json.loads(log(job)) == [prompt]
    left = {path.name for path in tmp_path.rglob("*")} | set(os.listdir())
    assert "executed" not in left and "x" not in left


def test_setup_lines_and_a_container_surround_the_job(place, attempt, until):
    slurm = place(setup=["export SITE='module loaded'"], container=["env", "INSIDE=yes, it is"], python=sys.executable)
    job = attempt("import os; print(os.environ['SITE'], os.environ['INSIDE'])")
    until(slurm, job, slurm.submit(job), "ended")
    assert log(job) == "module loaded yes, it is\n"


def forget(job):
    """As if the courier had been killed before it noted the number."""
    replace(submission_of(job.folder), id="").write(job.folder)


def test_a_job_is_found_though_its_folder_has_another_path_now(slurm, place, attempt, until, tmp_path):
    job = attempt(LONG, name="real/job-1")
    handle = place(options={"hold": True}).submit(job)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    moved = replace(job, folder=tmp_path / "link" / "job-1", name="another")
    assert place(grace_seconds=0).look(moved, handle).state == "waiting"
    place().cancel(moved, handle)
    assert not slurm.jobs()


def test_an_attempt_is_submitted_once_however_often_that_is_asked_for(slurm, place, attempt):
    job = attempt(LONG)
    first = place().submit(job)
    assert place().submit(job) == first and slurm.jobs() == [first]


def test_a_courier_killed_before_it_noted_the_job_adopts_it(slurm, place, attempt, until):
    job = attempt(LONG)
    handle = place().submit(job)
    forget(job)
    again = place()
    assert again.submit(job) == handle and slurm.jobs() == [handle]
    until(again, job, handle, "running")


def test_a_courier_killed_before_sbatch_submits_after_a_while(slurm, place, attempt):
    job, again = attempt(LONG), place()
    Submission("job-1", str(job.folder), time.time()).write(job.folder)
    with pytest.raises(Transient, match="may be on its way") as early:
        again.submit(job)
    assert not early.value.counts and not slurm.jobs()
    time.sleep(early.value.retry_after)
    assert slurm.jobs() == [] and [again.submit(job)] == slurm.jobs()


def test_a_job_whose_number_never_came_back_is_adopted(slurm, place, attempt, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin" / "sbatch"
    slow.write_text(f'#!/bin/sh\n{shutil.which("sbatch")} "$@"\nexec sleep 600\n')
    slow.chmod(0o755)
    job, here = attempt(LONG), place(timeout_seconds=1)
    with monkeypatch.context() as patched, pytest.raises(Transient, match="sbatch did not answer within 1 seconds"):
        patched.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
        here.submit(job)
    (there,) = slurm.jobs()
    assert here.submit(job) == place().submit(job) == there and slurm.jobs() == [there]


def test_a_secret_reaches_the_job_and_no_file(slurm, place, attempt, until, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", token := "hf_" + "s" * 34)
    here, job = place(), attempt("import os; print(os.environ['HF_TOKEN'][:5])")
    until(here, job, here.submit(job), "ended")
    assert log(job) == "hf_ss\n"
    assert not [path for path in job.folder.iterdir() if token in path.read_text()]


def test_a_second_job_for_the_same_attempt_does_nothing(slurm, place, attempt, until):
    job, here = attempt(LONG), place()
    handle = here.submit(job)
    until(here, job, handle, "running")
    wait_for(job.folder / "log.txt")
    doubled = slurm.run("sbatch", "--parsable", "--wait", f"--chdir={job.folder}", "--mem=100M", "--output=/dev/null", "-J", job.name,
                        str(job.folder / "job.sh"))  # fmt: skip
    assert doubled.returncode == 0 and log(job) == "begun\n"
    here.look(job, doubled.stdout.strip())
    time.sleep(1.1)
    assert here.look(job, doubled.stdout.strip()).state == "running", "though that job is over, and its grace too"
    here.cancel(job, handle)
    assert until(here, job, doubled.stdout.strip(), "lost").state == "lost"


def test_an_attempt_is_not_lost_while_a_second_job_of_it_waits(slurm, place, attempt, until):
    here, job = place(options={"hold": True}), attempt(LONG)
    handle = here.submit(job)
    second = slurm.run(
        "sbatch", "--parsable", "--hold", f"--chdir={job.folder}", "-J", job.name, f"{job.folder}/job.sh"
    )
    slurm.run("scancel", handle)
    time.sleep(0.2)
    assert here.look(job, handle).state == "waiting"
    here.cancel(job, handle)
    assert until(here, job, handle, "lost") and second.stdout.strip() not in slurm.jobs()


def test_while_the_controller_is_down_nothing_is_submitted_and_afterwards_once(slurm, place, attempt, until):
    job, here = attempt(LONG), place()
    running = attempt(LONG, name="job-2")
    other = here.submit(running)
    until(here, running, other, "running")
    slurm.controller.stop()
    for _ in range(2):
        with pytest.raises(Transient, match="Unable to contact slurm controller"):
            here.submit(job)
    with pytest.raises(Transient, match="Unable to contact slurm controller"):
        here.look(running, other)
    slurm.restart_controller()
    time.sleep(0.2)
    handle = here.submit(job)
    assert sorted(slurm.jobs()) == sorted([other, handle]) and place().submit(job) == handle
    assert until(here, running, other, "running").state == "running"


@pytest.mark.parametrize(
    ("settings", "said", "names"),
    [
        ({"partition": "nope"}, "Invalid partition", "partition"),
        ({"gres": "tpu:1"}, "Invalid generic resource", "gres"),
        ({"gres": "gpu:{gpus}00"}, "node configuration is not available", "gres"),
        ({"mem": "900000G"}, "Memory specification", "mem"),
        ({"time": "soon"}, "Invalid --time", "time"),
        ({"nodelist": "nowhere"}, "Invalid node name", "nodelist"),
        ({"options": {"constraint": "h100"}}, "Invalid feature", "options"),
        ({"options": {"container-image": "x"}}, "unrecognized option", "options"),
        ({"mem": "64G\n--uid=0"}, "holds a line break", "mem"),
        ({"partition": "a\nb"}, "holds a line break", "partition"),
        ({"options": {"job-name": "x"}}, "is set by Callsheet", "job-name"),
    ],
)
def test_what_slurm_refuses_is_said_with_the_setting_to_change(slurm, place, attempt, settings, said, names):
    job = attempt(QUICK, gpus=1)
    with pytest.raises(Permanent, match=said) as refused:
        place(**settings).submit(job)
    assert names in f"{refused.value} {refused.value.remedy}" and not slurm.jobs()
    assert not (job.folder / "slurm.json").exists()


@pytest.mark.parametrize(
    ("said", "setting"),
    [
        ("Unable to contact slurm controller (receive failure)", None),
        ("Socket timed out on send/recv operation", None),
        ("Required partition not available (inactive or drain)", None),
        ("Slurm backup controller in standby mode", None),
        (
            "error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Job violates accounting/QOS policy (job submit limit)",
            None,
        ),
        ("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", None),
        ("error: QOSMaxWallDurationPerJobLimit\nsbatch: error: Job violates accounting/QOS policy", "qos, time"),
        ("Invalid account or account/partition combination specified", "account"),
        ("Invalid qos specification", "qos"),
        ("User's group not permitted to use this partition", "partition"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "time"),
        ("Something that nobody foresaw", None),
    ],
)
def test_what_may_pass_is_told_from_what_must_be_changed(said, setting):
    answer = Answer(1, "", f"sbatch: error: Batch job submission failed: {said}")
    refused = refusal(answer)
    assert isinstance(refused, Permanent if setting else Transient) and "submission failed" in str(refused)
    assert not answer.never_arrived, "a job may be there"
    if setting:
        assert f"slurm: {setting}" in refused.remedy


@pytest.mark.parametrize(
    ("settings", "problem", "warning"),
    [
        ({}, "", ""),
        ({"partition": "nope"}, "Change plugins.benchmarks.slurm: partition", ""),
        ({"time": "soon"}, "Change plugins.benchmarks.slurm: time", ""),
        ({"gres": "gpu:9"}, "", "Benchmark jobs may have to wait"),
    ],
)
def test_what_slurm_would_refuse_is_known_before_training_and_nothing_is_submitted(slurm, settings, problem, warning):
    found = problem_with(SlurmSettings(**settings), None)
    assert problem in found[0] and warning in found[1] and bool(problem) == bool(found[0])
    assert not slurm.jobs()


@pytest.mark.parametrize("name", ["50%j", "back\\slash", "two\nlines"])
def test_a_folder_that_slurm_cannot_work_in_is_refused(attempt, name):
    with pytest.raises(Permanent, match="Slurm cannot work in"):
        Slurm(Path(), {}).submit(attempt(QUICK, name=name))


def test_a_job_that_waits_says_what_for(place, attempt):
    here = place()
    held = attempt(QUICK)
    seen = here.look(held, place(options={"hold": True}).submit(held))
    assert seen.state == "waiting" and "JobHeldUser" in seen.reason


def test_a_job_that_fails_has_ended_and_its_file_says_how(place, attempt, until):
    here, job = place(), attempt("raise SystemExit('no such task')")
    assert until(here, job, here.submit(job), "ended", "lost").state == "ended"
    assert status(job)["state"] == "failed" and status(job)["exit_code"] == 1 and log(job) == "no such task\n"


def test_a_job_that_takes_too_long_is_ended_by_its_runner(place, attempt, until):
    here, job = place(), attempt(LONG, seconds=0.5)
    assert until(here, job, here.submit(job), "ended", "lost").state == "ended"
    assert status(job)["state"] == "timed_out"


def test_a_cancelled_job_is_lost_and_its_engine_is_gone(slurm, place, attempt, until):
    here, job = place(), attempt("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    handle = here.submit(job)
    wait_for(job.folder / "log.txt")
    slurm.run("scancel", handle)
    seen = until(here, job, handle, "ended", "lost")
    assert seen.state == "lost" and "CANCELLED" in seen.reason
    with pytest.raises(ProcessLookupError):
        os.kill(int(log(job).split()[0]), 0)


def test_a_job_that_somebody_told_to_stop_is_lost(slurm, place, attempt, until):
    here, job = place(), attempt(LONG)
    handle = here.submit(job)
    wait_for(job.folder / "log.txt")
    slurm.run("scancel", "--batch", "--signal=TERM", handle)
    seen = until(here, job, handle, "ended", "lost")
    assert seen.state == "lost" and "FAILED, exit code 143" in seen.reason


def test_a_job_cancelled_while_it_waits_is_lost(slurm, place, attempt, until):
    here, job = place(options={"hold": True}), attempt(QUICK)
    handle = here.submit(job)
    here.cancel(job, handle)
    assert "CANCELLED" in until(here, job, handle, "lost").reason
    here.cancel(job, handle)


def test_a_preempted_job_is_lost_and_not_queued_again(slurm, place, attempt, until):
    here, job = place(partition="main", gres="gpu:8"), attempt(LONG)
    handle = here.submit(job)
    wait_for(job.folder / "log.txt")
    urgent = slurm.run("sbatch", "--parsable", "--partition=urgent", "--gres=gpu:8", "--output=/dev/null",
                       "--wrap", "sleep 600").stdout  # fmt: skip
    seen = until(here, job, handle, "ended", "lost")
    assert seen.state == "lost" and "PREEMPTED" in seen.reason
    assert slurm.jobs() == [urgent.strip()]


def test_a_job_whose_node_dies_is_lost(slurm, place, attempt, until):
    here, job = place(), attempt(LONG)
    handle = here.submit(job)
    wait_for(job.folder / "log.txt")
    slurm.down()
    seen = until(here, job, handle, "ended", "lost")
    assert seen.state == "lost" and "NODE_FAIL" in seen.reason


def test_a_job_whose_file_never_comes_is_lost_after_a_while(place, attempt, until):
    here, job = place(), attempt("import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    handle = here.submit(job)
    seen = until(here, job, handle, "ended", "lost")
    assert seen.state == "lost" and "its file never came" in seen.reason and status(job)["state"] == "running"


def test_a_job_that_ends_before_its_runner_says_with_what_code(place, attempt, until):
    here, job = place(setup=["exit 7"]), attempt(QUICK)
    seen = until(here, job, here.submit(job), "ended", "lost")
    assert seen.state == "lost" and "exit code 7" in seen.reason


def test_a_job_that_slurm_forgot_is_judged_by_its_file(place, attempt, until):
    here, job, silent = place(), attempt(QUICK), attempt(QUICK, name="job-2")
    until(here, job, here.submit(job), "ended")
    assert place().look(job, "999999").state == "ended"
    (silent.folder / "taken").write_text("")
    handle = here.submit(silent)
    assert "no longer knows" in until(here, silent, handle, "lost").reason


def test_a_thousand_jobs_are_one_question(slurm, place, attempt, monkeypatch, tmp_path):
    monkeypatch.setattr("callsheet_plugins.benchmarks.dispatch.slurm.queue.FRESH_SECONDS", 60)
    asked = tmp_path / "asked"
    (tmp_path / "bin").mkdir()
    counting = tmp_path / "bin" / "squeue"
    counting.write_text(f'#!/bin/sh\necho x >>{asked}\nexec {shutil.which("squeue")} "$@"\n')
    counting.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    here, jobs = place(options={"hold": True}), [attempt(QUICK, name=f"job-{number}") for number in range(3)]
    handles = [here.submit(job) for job in jobs]
    for _ in range(300):
        assert all(here.look(job, handle).state == "waiting" for job, handle in zip(jobs, handles, strict=True))
    assert asked.read_text().count("x") == 1


def test_without_slurm_a_job_waits_for_a_drain_elsewhere(attempt, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Parked, match="There is no sbatch on this machine: drain the run on one that has it"):
        Slurm(Path(), {}).submit(attempt(QUICK))


def test_a_script_that_is_only_written_runs_under_sbatch_with_its_options(slurm, attempt, until, tmp_path):
    here = ScriptDispatcher(Path(), {"mem": "100M", "options": {"comment": ON_ONE_LINE}})
    job = attempt(QUICK, gpus=2, name='it\'s "here" $(touch executed)')
    handle = here.submit(job)
    assert here.look(job, handle).state == "left" and handle in here.look(job, handle).reason and not slurm.jobs()
    done = slurm.run("sbatch", "--parsable", "--wait", handle, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert until(here, job, handle, "ended").state == "ended" and log(job) == "scored\n"
    shown = slurm.run("scontrol", "show", "job", done.stdout.strip()).stdout
    assert "gpu:2" in shown and f"Comment={ON_ONE_LINE}" in shown and not list(tmp_path.rglob("executed"))


def test_a_script_that_is_only_written_runs_under_bash(attempt, until):
    here, job = ScriptDispatcher(Path(), {}), attempt(QUICK, gpus=2)
    handle = here.submit(job)
    assert subprocess.run(["bash", handle]).returncode == 0 and here.look(job, handle).state == "ended"
    assert subprocess.run([handle]).returncode == 0 and log(job) == "scored\n", "an attempt runs once"
