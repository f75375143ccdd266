"""Resume is decided once: what preflight says of it hides nothing, and reads nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.run.train import check
from callsheet.rundir import checkpoints, hashes


def plan_of(*overrides: str) -> Any:
    return make_plan(compose(["recipe=demo", "plugins=[]", *overrides]), overrides)


def test_a_resume_that_is_wrong_hides_no_other_problem(tmp_path: Any) -> None:
    problems = check(
        plan_of(
            f"resume={tmp_path}/nowhere",
            f"output_dir={tmp_path}/run",
            "model.path=./no-model",
            "trainer.args.max_stepz=3",
        )
    ).problems
    assert any("nowhere does not exist" in problem for problem in problems)
    assert any("model.path=./no-model" in problem for problem in problems)
    assert any("max_stepz" in problem for problem in problems)


@pytest.mark.parametrize("resume", ["auto", "PATH"])
def test_preflight_reads_no_file_of_a_checkpoint_to_its_end(
    run_demo: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, resume: str
) -> None:
    folder = run_demo("plugins=[]").run_dir.path
    chosen = f"resume={folder}/checkpoint-2" if resume == "PATH" else "resume=auto"
    read: list[Any] = []
    plain = hashes.sha256
    monkeypatch.setattr(checkpoints, "sha256", lambda path: read.append(path) or plain(path))
    check(plan_of(chosen, f"output_dir={folder}"))
    assert read == []
    checkpoints.choose(chosen.removeprefix("resume="), checkpoints.RunDir(folder, is_main=False))
    assert read != [], "training reads them all before it goes on"


def test_another_run_at_work_is_noticed_and_not_disturbed(tmp_path: Any) -> None:
    from callsheet.rundir.rundir import RunDir

    at_work = RunDir(tmp_path / "run")
    at_work.open()
    try:
        [problem] = check(plan_of(f"output_dir={tmp_path}/run")).problems
        assert problem.startswith(f"Another run is writing to {tmp_path}/run (process ")
    finally:
        at_work.close()
    assert check(plan_of(f"output_dir={tmp_path}/run")).problems == []
    again = RunDir(tmp_path / "run")
    again.open()  # a check has left no lock behind
    again.close()
