"""What is read again when something has changed, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from callsheet.errors import CallsheetError
from callsheet_plugins.report.serving.kept import Kept
from callsheet_plugins.report.serving.pace import Pace
from plugins.report.made import make_experiment, make_run, write_json
from plugins.report.serving.served import log


def test_nothing_new_is_no_report(tmp_path: Path) -> None:
    make_run(tmp_path / "one", steps=10)
    kept = Kept([tmp_path])
    assert kept.changed() and kept.changed() is None
    kept.forget()
    assert kept.changed()


def test_a_run_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_run(tmp_path / name, steps=10)
    kept = Kept([tmp_path])
    before = kept.changed()
    log(tmp_path / "two", {"step": 11, "loss": 1.0})
    after = kept.changed()
    assert before and after
    assert after.runs[0] is before.runs[0] and after.runs[1] is not before.runs[1]
    assert after.runs[1].metrics["train", "loss"].steps[-1] == 11


@pytest.mark.parametrize("part", ["run.json", "evals.jsonl", "events.jsonl", "checkpoints.jsonl", "config.yaml"])
def test_each_file_of_a_run_counts(tmp_path: Path, part: str) -> None:
    run = make_run(tmp_path / "run", steps=100)
    kept = Kept([run])
    kept.changed()
    with (run / part).open("a") as file:
        file.write("\n")
    assert kept.changed()


def test_what_is_renamed_into_a_folder_counts(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", steps=100)
    kept = Kept([run])
    kept.changed()
    (run / "completions" / "new").write_text("")
    (run / "completions" / "new").rename(run / "completions" / "100.jsonl")
    assert kept.changed()


def test_runs_and_arms_come_and_go(tmp_path: Path) -> None:
    experiment = make_experiment(tmp_path / "exp", seeds=1, steps=10)
    kept = Kept([tmp_path])
    before = kept.changed()
    make_run(experiment / "plain-seed-1", seed=1, arm="plain", steps=10)
    after = kept.changed()
    assert before and after and len(after.runs) == len(before.runs) + 1
    for run in after.runs:
        (run.path / "run.json").unlink()
    with pytest.raises(CallsheetError, match="holds no"):
        kept.changed()


def test_the_verdict_follows_the_queue(tmp_path: Path) -> None:
    experiment = make_experiment(tmp_path / "exp", seeds=2, steps=10)
    kept = Kept([experiment])
    before = kept.changed()
    write_json(experiment / "arms" / "done" / "later.json", {})
    after = kept.changed()
    assert before and after and after.experiments[0] is not before.experiments[0]


def test_the_rest_after_work_is_twenty_times_its_cpu_time() -> None:
    pace = Pace(shortest=0.0)
    with pace.work():
        sum(range(3_000_000))
    assert not pace.allows
    light = Pace(rest=0.0, shortest=0.0)
    with light.work():
        sum(range(3_000_000))
    assert light.allows
