from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from mounting import fill, mounted
from stub_experiment import Stub, begin, entries, started
from stub_experiment.made import command
from waiting import PATIENCE, wait_until

from callsheet.disk.os_errors import DiskFailed
from callsheet.errors import CallsheetError
from callsheet.experiments.queue import Entry, Queue, holders
from callsheet.experiments.queue.directory import Experiment
from callsheet.experiments.queue.records import Attempt
from callsheet.experiments.workers import stopping, work
from callsheet.launch import failures
from callsheet.rundir.rundir import RunDir

FLOOD = 200_000  # lines of a hundred characters
FOR_EVER = 1000.0


def events(queue: Queue, name: str) -> list[list[str]]:
    """What the process of an arm wrote: `begun PID FILE GPUS THREADS RANK`, `saved PID`, `rank PID`, `ended PID`."""
    path = queue.root / name / "events"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def kinds(queue: Queue, name: str) -> list[str]:
    return [kind for kind, *_ in events(queue, name)]


def begun(queue: Queue, name: str) -> None:
    wait_until(lambda: "begun" in kinds(queue, name))


def is_gone(pid: str) -> bool:
    return not holders.lives(holders.Process(int(pid)))


def quick(root: Path, experiment: Experiment, entry: Entry) -> list[str]:
    return command(root, experiment, replace(entry, overrides=("0", "0")))


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def test_a_worker_runs_each_arm_once_and_one_that_fails_fails_alone(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("c"), Stub("bad", code=2), Stub("a"), Stub("kill", 0, 0, None, ("suicide",))])
    assert work(queue.root, command) == 0
    found = entries(queue)
    assert queue.states() == {"c": "done", "bad": "failed", "a": "done", "kill": "failed"}
    assert {name: entry.status for name, entry in found.items() if len(entry.attempts) == 1} == {
        **{"c": "completed", "bad": "failed", "a": "completed"}
    }
    assert found["bad"].error == "The arm cannot go on: 2." and found["bad"].attempts[0].exit_code == 2
    first, second = found["kill"].attempts
    assert (first.status, second.status, second.exit_code) == ("killed", "failed", 137)
    assert "SIGKILL, which its worker had not sent" in str(found["kill"].error)
    assert [kinds(queue, name) for name in "ca"] == [["begun", "ended"]] * 2
    (holder,) = holders.all_of(queue.root)
    assert (holder.done, holder.arm, holder.said) == (4, None, "No arm is left for this worker.")
    begins = sorted((entry.attempts[0].started, name) for name, entry in found.items())
    assert [name for _, name in begins] == ["c", "bad", "a", "kill"]  # as in the experiment's record


def test_a_rank_that_was_killed_is_tried_once_more_as_a_single_process_is(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a")])
    lost, other = f"callsheet: {failures.killed(0, 7, signal.SIGKILL)}", "RuntimeError: something else"
    said = iter([lost, other])

    def launcher(root: Path, experiment: Experiment, entry: Entry) -> list[str]:
        return ["/bin/sh", "-c", 'echo "$1"; exit 1', "sh", next(said)]

    assert work(queue.root, launcher) == 0
    first, second = entries(queue)["a"].attempts
    assert (first.status, first.exit_code) == ("killed", 1) and "SIGKILL" in str(first.error)
    assert (second.status, second.error) == ("failed", other), "what the attempt before had said is not its reason"


def test_no_secret_comes_into_the_log_of_a_program_while_it_runs_and_its_last_words_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token := "hf_" + "aB3" * 11)
    queue = begin(tmp_path / "e", [Stub("a")])
    log = queue.root / "logs" / "a.log"

    def program(root: Path, experiment: Experiment, entry: Entry) -> list[str]:
        wait = f'until [ -e "{tmp_path}/read" ]; do sleep 0.05; done'
        return ["/bin/sh", "-c", f'echo "my $HF_TOKEN, and more"; {wait}; printf "last $HF_TOKEN"; kill -9 $$']

    def read() -> None:
        wait_until(lambda: log.exists() and log.stat().st_size)
        seen.append(log.read_text())
        (tmp_path / "read").touch()

    seen: list[str] = []
    thread = Thread(target=read)
    thread.start()
    assert work(queue.root, program) == 0
    thread.join()
    assert seen == ["my ***, and more\n"], "while it ran"
    assert log.read_text() == 2 * "my ***, and more\nlast ***", "both attempts are there"
    assert token not in log.read_text() and os.listdir(queue.root / "logs") == ["a.log"]


def test_a_flood_of_output_neither_holds_the_arm_up_nor_loses_a_line(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a")])
    flood = f"import sys\nfor n in range({FLOOD}): print(n, 'x' * 90)\nsys.exit(4)"
    assert work(queue.root, lambda *_: [sys.executable, "-c", flood]) == 0
    lines = (queue.root / "logs" / "a.log").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [str(number) for number in range(FLOOD)]
    assert str(entries(queue)["a"].error).startswith(str(FLOOD - 1)), "what it said last is why it failed"


def test_an_arm_after_another_waits_for_it_and_a_chain_that_broke_is_skipped(tmp_path: Path) -> None:
    stubs = [Stub("3", after="2"), Stub("2", after="1"), Stub("1"), Stub("z", after="y"), Stub("y", after="x")]
    queue = begin(tmp_path / "e", [*stubs, Stub("x", code=1), Stub("w", after="nobody")])
    assert work(queue.root, command) == 0
    found = entries(queue)
    ran = [name for _, name in sorted((found[name].attempts[0].started, name) for name in "123")]
    assert ran == ["1", "2", "3"]
    assert [found[name].status for name in "zyxw"] == ["skipped", "skipped", "failed", "skipped"]
    assert found["z"].error == "y failed, and this arm begins with its final weights."
    assert found["w"].error == "nobody is no arm of this experiment, and this arm begins with its final weights."


def test_arms_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", after="b"), Stub("b", after="a")])
    with pytest.raises(CallsheetError, match=r"wait for each other, and none can begin: a, b\."):
        work(queue.root, command)


def test_the_process_of_an_arm_gets_its_file_its_devices_and_no_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("CALLSHEET_DRIVER", "1")):
        monkeypatch.setenv(name, value)
    queue = begin(tmp_path / "e", [Stub("a")])
    given = {"CUDA_VISIBLE_DEVICES": "2,3", "OMP_NUM_THREADS": "4"}
    assert work(queue.root, command, environment=given, devices=("2", "3")) == 0
    (_, _, file, *rest), _ = events(queue, "a")
    (holder,) = holders.all_of(queue.root)
    assert file == f"a@{holder.id}.1.json" and rest == ["2,3", "4", "none"]
    assert holder.devices == ("2", "3")


def test_a_complete_run_whose_worker_was_killed_is_settled_without_another(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a")])
    claim = queue.claim("a", "dead", 1)
    assert claim
    entry = queue.read_claimed(claim)
    assert entry
    queue.give_back(claim, replace(entry, attempts=(Attempt("dead", "host", 1, "then", status="lost"),)))
    run = queue.root / "a"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"format": 1, "status": "stopped"}))
    work(queue.root, command)
    found = entries(queue)["a"]
    assert (found.status, len(found.attempts), kinds(queue, "a")) == ("stopped", 1, [])


def test_an_arm_waits_while_another_process_writes_to_its_run(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a")])
    run = RunDir(queue.root / "a")
    run.open()
    worker = started(queue.root, lease=(0.1, 60.0))
    line = worker.stderr.readline() if worker.stderr else ""
    run.close()
    assert f"a waits: process {os.getpid()}" in line and "holds its lock" in line
    assert ended(worker)[0] == 0
    assert entries(queue)["a"].status == "completed" and len(entries(queue)["a"].attempts) == 1


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_passed_on_and_the_arm_goes_back(tmp_path: Path, signum: int, code: int) -> None:
    queue = begin(tmp_path / "e", [Stub("a", FOR_EVER), Stub("b")])
    worker = started(queue.root)
    begun(queue, "a")
    worker.send_signal(signum)
    assert ended(worker)[0] == code
    assert kinds(queue, "a") == ["begun", "saved"]
    assert queue.states() == {"a": "pending", "b": "pending"}
    (attempt,) = entries(queue)["a"].attempts
    assert (attempt.status, attempt.exit_code) == ("interrupted", 143)
    assert attempt.error == f"Its worker was stopped by {signal.Signals(signum).name}."


def test_a_second_signal_kills(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", FOR_EVER, 0, None, ("deaf",))])
    worker = started(queue.root)
    begun(queue, "a")
    worker.send_signal(signal.SIGTERM)
    said = worker.stderr.readline() + worker.stderr.readline() if worker.stderr else ""
    assert "SIGTERM: its arm saves, and goes back to the queue. A second signal kills it." in said
    worker.send_signal(signal.SIGINT)
    assert ended(worker)[0] == 143
    assert queue.states() == {"a": "pending"}
    assert all(is_gone(pid) for kind, pid, *_ in events(queue, "a"))


def test_the_driver_stops_workers_wherever_they_are(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", FOR_EVER)])
    worker = started(queue.root, lease=(0.05, 60.0))
    begun(queue, "a")
    stopping.ask_all(queue.root)
    assert ended(worker)[0] == 143
    assert kinds(queue, "a") == ["begun", "saved"] and queue.states() == {"a": "pending"}
    assert work(queue.root, command) == 143  # one that comes late
    stopping.let_all_work(queue.root)
    assert not stopping.is_asked(queue.root)


def test_everything_that_an_arm_started_dies_with_its_worker(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", FOR_EVER, 0, None, ("group",))])
    worker = started(queue.root)
    wait_until(lambda: kinds(queue, "a") == ["begun", "rank"])
    worker.kill()
    wait_until(lambda: all(is_gone(pid) for _, pid, *_ in events(queue, "a")))
    assert queue.states() == {"a": "active"}
    assert work(queue.root, quick) == 0
    assert [attempt.status for attempt in entries(queue)["a"].attempts] == ["lost", "completed"]


def test_what_an_arm_leaves_running_is_gone_when_it_is_settled(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", 0, 1, None, ("group",))])
    assert work(queue.root, command) == 0
    assert all(is_gone(pid) for _, pid, *_ in events(queue, "a"))


def test_a_worker_that_slept_past_its_lease_ends_its_process_and_does_not_settle(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", FOR_EVER)])
    short = (0.05, 0.5)
    sleeper = started(queue.root, lease=short)
    begun(queue, "a")
    (_, pid, *_), *_ = events(queue, "a")
    sleeper.send_signal(signal.SIGSTOP)
    wait_until(lambda: is_gone(pid))  # its keeper ends it before the lease does
    again = started(queue.root, lease=short)
    wait_until(lambda: kinds(queue, "a") == ["begun", "begun"])
    sleeper.send_signal(signal.SIGCONT)
    code, said = ended(sleeper)
    assert code == 0 and "a was taken from this worker, which was not heard for long" in said
    again.send_signal(signal.SIGTERM)
    assert ended(again)[0] == 143
    assert [attempt.status for attempt in entries(queue)["a"].attempts] == ["lost", "interrupted"]
    assert "no sign of life" in str(entries(queue)["a"].attempts[0].error)


def test_a_worker_on_another_host_is_gone_once_it_was_silent_for_its_lease(tmp_path: Path) -> None:
    """What makes it another host is a namespace in which numbers of processes mean something else."""
    elsewhere = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
    if os.getuid() != 0 or subprocess.run([*elsewhere, "true"], capture_output=True).returncode:
        pytest.skip("only root may make a namespace of processes")
    queue = begin(tmp_path / "e", [Stub("a", FOR_EVER)])
    short = (0.05, 1.0)
    other = started(queue.root, within=elsewhere, lease=short)
    begun(queue, "a")
    other.kill()
    other.wait()
    assert holders.is_gone(holders.all_of(queue.root)[0]) is None
    worker = started(queue.root, lease=short, idle=600.0)  # or it leaves at once: the other was heard a moment ago
    wait_until(lambda: kinds(queue, "a") == ["begun", "begun"])
    worker.send_signal(signal.SIGTERM)
    assert ended(worker)[0] == 143
    lost, _ = entries(queue)["a"].attempts
    assert (lost.status, lost.error) == ("lost", "The worker gave no sign of life for 1 s.")


def test_a_short_sleep_costs_nothing(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", 0.5)])
    worker = started(queue.root)
    begun(queue, "a")
    worker.send_signal(signal.SIGSTOP)
    wait_until(lambda: "ended" in kinds(queue, "a"))
    worker.send_signal(signal.SIGCONT)
    assert ended(worker)[0] == 0
    assert [attempt.status for attempt in entries(queue)["a"].attempts] == ["completed"]


def test_a_damaged_arm_fails_alone(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a"), Stub("b"), Stub("c", after="b")])
    queue.path("pending", "b").write_text('{"name": "b", "overrides": 3}')
    assert work(queue.root, command) == 0
    assert queue.states() == {"a": "done", "b": "failed", "c": "failed"}
    assert "overrides is a whole number, a list is needed" in str(entries(queue)["b"].error)


def test_a_worker_that_can_start_nothing_fails_no_arm(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a"), Stub("b")])
    with pytest.raises(CallsheetError, match="nowhere/python"):
        work(queue.root, lambda root, experiment, entry: [str(root / "nowhere/python")])
    assert queue.states() == {"a": "pending", "b": "pending"} and not entries(queue)["a"].attempts
    path = queue.root / "experiment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "command": {"cwd": "/nowhere"}}))
    with pytest.raises(CallsheetError, match="was begun in /nowhere, which is no folder on this machine"):
        work(queue.root, command)


def test_an_arm_whose_log_is_a_link_fails_alone(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a"), Stub("b")])
    (queue.root / "logs" / "a.log").symlink_to(tmp_path / "elsewhere")
    assert work(queue.root, command) == 0
    assert queue.states() == {"a": "failed", "b": "done"}
    assert "symbolic link" in str(entries(queue)["a"].error)
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_removed_is_said(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", FOR_EVER)])
    worker = started(queue.root, lease=(0.05, 60.0))
    begun(queue, "a")
    (_, pid, *_), *_ = events(queue, "a")
    while queue.root.exists():
        shutil.rmtree(queue.root, ignore_errors=True)
    code, said = ended(worker)
    assert code == 2 and f"{queue.root} was removed" in said and "Traceback" not in said
    assert is_gone(pid)


def test_a_full_disk_is_said_before_an_arm_begins(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "size=4m") as disk:
        queue = begin(disk / "e", [Stub("a")])
        fill(disk, 0)
        with pytest.raises(DiskFailed, match=r"disk of .* is full"):
            work(queue.root, command)
        assert queue.states() == {"a": "pending"} and kinds(queue, "a") == []


def test_a_disk_that_fills_while_an_arm_runs_is_said_and_costs_no_arm(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "size=4m") as disk:
        queue = begin(disk / "e", [Stub("a", 2.0), Stub("b")])
        worker = started(queue.root)
        begun(queue, "a")
        filler = fill(disk, 0)
        code, said = ended(worker)
        assert code == 1 and "The disk of" in said and "is full" in said and "Traceback" not in said
        assert queue.states() == {"a": "active", "b": "pending"}
        filler.unlink()
        assert work(queue.root, command) == 0
        assert queue.states() == {"a": "done", "b": "done"}


def test_a_file_in_place_of_a_folder_of_the_queue_is_named(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [])
    (queue.folder / "pending").rmdir()
    (queue.folder / "pending").touch()
    with pytest.raises(CallsheetError, match=r"arms/pending"):
        work(queue.root, command)


def test_a_keeper_that_is_killed_takes_the_process_with_it_and_the_arm_is_tried_again(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", 0, 0, None, ("first",))])
    worker = started(queue.root)
    begun(queue, "a")
    (holder,) = holders.all_of(queue.root)
    assert holder.keeper
    os.kill(holder.keeper.pid, signal.SIGKILL)
    assert ended(worker)[0] == 0
    assert [attempt.status for attempt in entries(queue)["a"].attempts] == ["killed", "completed"]
    assert kinds(queue, "a") == ["begun", "begun", "ended"]


@pytest.mark.parametrize("limit", ["hours", "runs"])
def test_no_arm_begins_once_the_budget_is_used_up(tmp_path: Path, limit: str) -> None:
    budget = {"hours": 1.0} if limit == "hours" else {"runs": 2}
    queue = begin(tmp_path / "e", [Stub("a"), Stub("b", code=1), Stub("c")], budget=budget)
    if limit == "hours":
        record = json.loads((queue.root / "experiment.json").read_text())
        record["created"] = (datetime.now(UTC) - timedelta(hours=1.1)).isoformat()
        (queue.root / "experiment.json").write_text(json.dumps(record))
    assert work(queue.root, command) == 0
    left = sorted(queue.names("pending"))
    assert left == (["a", "b", "c"] if limit == "hours" else ["c"])
    (holder,) = holders.all_of(queue.root)
    said = "1 hour" if limit == "hours" else "2 runs"
    assert holder.said == f"The budget of {said} is used up: no further arm begins."


def test_of_several_workers_no_more_arms_begin_than_the_budget_has(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub(f"a{number}", 0.05) for number in range(8)], budget={"runs": 5})
    for worker in [started(queue.root) for _ in range(3)]:
        assert ended(worker)[0] == 0
    assert len(queue.names("done")) == 5 and len(queue.names("pending")) == 3


def test_an_arm_that_was_begun_goes_on_without_a_second_run_of_the_budget(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a", 0.0, 0, None, ("suicide",)), Stub("b")], budget={"runs": 1})
    assert work(queue.root, command) == 0
    assert queue.states() == {"a": "failed", "b": "pending"}
    assert len(entries(queue)["a"].attempts) == 2


def test_a_worker_of_another_version_is_refused(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a")])
    path = queue.root / "experiment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "callsheet": "9.9"}))
    with pytest.raises(CallsheetError, match=r"of Callsheet 9\.9, and this is"):
        work(queue.root, command)
    assert not [*(queue.root / "workers").iterdir()]


def test_a_worker_stays_for_arms_that_may_be_added(tmp_path: Path) -> None:
    queue = begin(tmp_path / "e", [Stub("a")])
    worker = started(queue.root, idle=FOR_EVER)
    wait_until(lambda: queue.names("done") == ["a"])
    entry = queue.read("done", "a")
    assert entry
    queue.add(replace(entry, name="late", attempts=(), status=None))
    wait_until(lambda: len(queue.names("done")) == 2)
    worker.send_signal(signal.SIGTERM)
    assert ended(worker)[0] == 143
