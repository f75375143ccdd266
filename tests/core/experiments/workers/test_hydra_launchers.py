from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from slurm_cluster import Cluster
from stub_experiment import Stub, begin, entries
from stub_experiment.made import TESTS, command
from waiting import wait_until

from callsheet.config import compose
from callsheet.errors import CallsheetError
from callsheet.experiments.queue import Queue, holders
from callsheet.experiments.workers import launch, stopping
from callsheet.experiments.workers.launching import hydra_launchers, slurm_jobs

SITE = ("hydra.launcher.mem_gb=2", "hydra.launcher.cpus_per_task=1", "hydra.launcher.timeout_min=5")
FOR_EVER = 1000.0


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Composes the node `hydra` of a configuration, for launchers that are installed."""
    import hydra

    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    package = {"joblib": "hydra_plugins.hydra_joblib_launcher", "submitit": "submitit"}

    def composed(launcher: str, *more: str) -> Any:
        if needed := package.get(launcher.partition("_")[0]):
            pytest.importorskip(needed, reason=f"{needed} is not installed")
        compose.bind()
        with hydra.initialize_config_module(compose.CONFIG_MODULE, version_base=compose.VERSION_BASE):
            overrides = [f"hydra/launcher={launcher}", *more]
            return hydra.compose("config", overrides, return_hydra_config=True).hydra

    monkeypatch.setattr(hydra_launchers, "LEFT", 3.0)
    monkeypatch.setattr(slurm_jobs, "LOOK_SECONDS", 1.0)
    yield composed
    if "joblib" in sys.modules:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def program(root: Path, idle: float) -> list[str]:
    main = "import sys; from pathlib import Path; from stub_experiment.worker import main"
    return [sys.executable, "-c", f"{main}; sys.exit(main(Path({str(root)!r}), {{}}))"]


def stubs(root: Path, seconds: float = 0.1) -> Queue:
    return begin(root, [Stub(f"a{number}", seconds) for number in range(4)])


def began(queue: Queue) -> list[str]:
    return [path.parent.name for path in queue.root.glob("*/events")]


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_workers_of_every_launcher_share_the_arms_and_leave_nothing_elsewhere(
    tmp_path: Path, node: Callable[..., Any], launcher: str
) -> None:
    queue = begin(tmp_path / "e", [Stub(f"a{number}", more=("two",)) for number in range(4)])
    assert launch(queue.root, 2, node(launcher), command=command, program=program) == 0
    found = entries(queue).values()
    assert [(entry.status, len(entry.attempts)) for entry in found] == [("completed", 1)] * 4
    assert len({entry.attempts[0].worker for entry in found}) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["e"]
    assert launch(queue.root, 2, node(launcher), command=command, program=program) == 0  # nothing is left to start for


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_signal_to_the_driver_stops_its_workers_and_arms_go_back(
    tmp_path: Path, node: Callable[..., Any], launcher: str
) -> None:
    queue = stubs(tmp_path / "e", FOR_EVER)
    chosen = node(launcher)

    def signalled() -> None:
        wait_until(lambda: len(began(queue)) == 2)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = Thread(target=signalled)
    thread.start()
    assert launch(queue.root, 2, chosen, command=command, program=program) == 143
    thread.join()
    assert [*queue.states().values()] == ["pending"] * 4
    assert [len(entry.attempts) for entry in entries(queue).values() if entry.attempts] == [1, 1]


def test_a_worker_that_is_killed_is_started_again_and_its_arm_goes_on(tmp_path: Path, node: Callable[..., Any]) -> None:
    queue = begin(tmp_path / "e", [Stub("a", more=("first",))])

    def kill() -> None:
        wait_until(lambda: began(queue))
        (holder,) = holders.all_of(queue.root)
        os.kill(holder.process.pid, signal.SIGKILL)

    thread = Thread(target=kill)
    thread.start()
    assert launch(queue.root, 1, node("basic"), program=program) == 0
    thread.join()
    assert [attempt.status for attempt in entries(queue)["a"].attempts] == ["lost", "completed"]


def test_a_worker_that_cannot_work_is_not_started_for_ever(tmp_path: Path, node: Callable[..., Any]) -> None:
    queue = stubs(tmp_path / "e")
    assert launch(queue.root, 2, node("basic"), program=lambda root, idle: [sys.executable, "-c", "exit(2)"]) == 2


def test_a_launcher_that_starts_nothing_is_named(tmp_path: Path, node: Callable[..., Any]) -> None:
    queue = stubs(tmp_path / "e")
    chosen = node("submitit_slurm")
    with pytest.raises(CallsheetError, match=r"The launcher SlurmLauncher could not start workers, or lost them: "):
        launch(queue.root, 2, chosen, command=command)
    assert [*queue.states().values()] == ["pending"] * 4


@pytest.mark.slow
def test_workers_are_an_array_of_slurm_and_a_killed_one_loses_nothing(
    slurm: Cluster, tmp_path: Path, node: Callable[..., Any]
) -> None:
    queue = stubs(tmp_path / "e", 2.0)
    chosen, codes = node("submitit_slurm", *SITE), list[int]()
    driver = Thread(target=lambda: codes.append(launch(queue.root, 2, chosen, command=command)))
    driver.start()
    wait_until(lambda: len(began(queue)) == 2)
    (array,) = {job.partition("_")[0] for job in slurm.jobs("-r")}
    victim = holders.all_of(queue.root)[0]
    os.kill(victim.process.pid, signal.SIGKILL)
    wait_until(lambda: queue.is_over)
    driver.join()
    assert codes == [0] and array
    found = entries(queue)
    assert {entry.status for entry in found.values()} == {"completed"}
    assert sorted(len(entry.attempts) for entry in found.values()) == [1, 1, 1, 2]


@pytest.mark.slow
def test_a_driver_does_not_wait_for_jobs_of_slurm_that_are_gone(
    slurm: Cluster, tmp_path: Path, node: Callable[..., Any]
) -> None:
    """This cluster has no accounting, so submitit would wait for their results for ever."""
    queue = stubs(tmp_path / "e", FOR_EVER)
    chosen, raised = node("submitit_slurm", *SITE), list[str]()

    def drive() -> None:
        try:
            launch(queue.root, 2, chosen, command=command)
        except CallsheetError as error:
            raised.append(str(error))

    driver = Thread(target=drive)
    driver.start()
    wait_until(lambda: len(began(queue)) == 2)
    wait_until(lambda: len(holders.all_of(queue.root)) == 2)
    for holder in holders.all_of(queue.root):
        os.kill(holder.process.pid, signal.SIGKILL)
    driver.join()
    assert "Slurm has none of its jobs any more" in raised[0]
    assert sorted(queue.states().values()) == ["active", "active", "pending", "pending"]


@pytest.mark.slow
def test_a_cancelled_array_of_slurm_saves_and_its_arms_go_back(
    slurm: Cluster, tmp_path: Path, node: Callable[..., Any]
) -> None:
    """Slurm signals all processes of a job, arms and their keepers among them."""
    queue = stubs(tmp_path / "e", FOR_EVER)
    chosen, codes = node("submitit_slurm", *SITE), list[int]()
    driver = Thread(target=lambda: codes.append(launch(queue.root, 2, chosen, command=command)))
    driver.start()
    wait_until(lambda: len(began(queue)) == 2)
    slurm.run("scancel", *slurm.jobs())
    driver.join()
    assert codes == [0] and [*queue.states().values()] == ["pending"] * 4
    tried = [entry.attempts for entry in entries(queue).values() if entry.attempts]
    assert [[attempt.status for attempt in attempts] for attempts in tried] == [["interrupted"]] * 2


@pytest.mark.slow
def test_an_array_of_slurm_stops_with_its_driver(slurm: Cluster, tmp_path: Path, node: Callable[..., Any]) -> None:
    queue = stubs(tmp_path / "e", FOR_EVER)
    chosen = node("submitit_slurm", *SITE)
    driver = Thread(target=lambda: launch(queue.root, 2, chosen, command=command))
    driver.start()
    wait_until(lambda: len(began(queue)) == 2)
    stopping.ask_all(queue.root)
    wait_until(lambda: not slurm.jobs())
    driver.join()
    assert [*queue.states().values()] == ["pending"] * 4
    wait_until(lambda: all("saved" in (queue.root / name / "events").read_text() for name in began(queue)))
