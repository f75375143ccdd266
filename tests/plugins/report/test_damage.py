"""Whatever stands in the files of a run, a report is gathered and its page made: damage is said, and nothing raises."""

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from callsheet.errors import CallsheetError
from callsheet_plugins.report import gathered
from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.page.build import html
from callsheet_plugins.report.reading import completions, scores
from callsheet_plugins.report.reading.answers import answers

from .made import make_experiment, make_run

ODD: list[Any] = [None, True, -1, 0, 1.5, 1e308, 10**30, "", "x", "<script>", "\ud800", "9" * 50, "\x00\x1b[31m"]
ODD += ["2026-01-01T00:00:00", [], [1], ["a", None], {}, {"a": 1}, {"a": {"b": [1]}}, float("nan")]
FILES = ("run.json", "config.yaml", "metrics.jsonl", "evals.jsonl", "events.jsonl", "checkpoints.jsonl", ".lock")
FOLDERS = ("completions", "predictions", "outbox", "checkpoint-50")


def changed(value: Any, share: float, draw: random.Random) -> Any:
    """`value` with something odd in some of its places, and without some of its fields."""
    if draw.random() < share:
        return draw.choice(ODD)
    if isinstance(value, dict):
        kept = {name: changed(inner, share, draw) for name, inner in value.items() if draw.random() > share / 2}
        return {"\ud800<b>" if draw.random() < share / 3 else name: inner for name, inner in kept.items()}
    return [changed(inner, share, draw) for inner in value] if isinstance(value, list) else value


def damage(folder: Path, draw: random.Random) -> None:
    files = sorted(path for path in folder.rglob("*.json*") if path.is_file())
    for path in draw.sample(files, draw.choice([1, 3, 9])):
        share = draw.choice([0.01, 0.05, 0.3])
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.suffix == ".jsonl" else []
        whole = [changed(row, share, draw) for row in rows or [json.loads(path.read_text())]]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in whole))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    made = make_experiment(
        tmp_path_factory.mktemp("good") / "exp", seeds=2, steps=60, checkpoint_every=20, prompts=12, log_every=5
    )
    shutil.rmtree(made / "bema-seed-1")
    return made


@pytest.mark.parametrize("seed", range(12))
def test_fields_of_any_type_are_read_and_shown(good, tmp_path, seed):
    shutil.copytree(good, tmp_path / "exp")
    damage(tmp_path / "exp", random.Random(seed))

    report = gather([tmp_path / "exp"])
    for run in report.runs:
        for score in run.scores:
            answers(run, score)
    page = html(report)

    assert "<script>" not in page.split("<main")[1].split("<script type=")[0]
    page.encode()


@pytest.mark.parametrize("place", [*FILES, *FOLDERS])
@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "empty", "gone", "closed"])
def test_whatever_lies_in_the_place_of_a_file_or_folder_nothing_waits_and_nothing_raises(tmp_path, place, kind):
    run = make_run(tmp_path / "run", steps=50)
    (run / "outbox").mkdir()
    target = run / place
    shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    {
        "fifo": lambda: os.mkfifo(target),
        "link": lambda: target.symlink_to("/etc/passwd"),
        "folder": target.mkdir,
        "empty": target.touch,
        "gone": lambda: None,
        "closed": lambda: target.symlink_to(target),  # nobody may open a loop, not even root
    }[kind]()
    try:
        report = gather([run])
    except CallsheetError:
        assert (place, kind) == ("run.json", "gone")
        return
    assert "root:x:" not in html(report)
    assert isinstance(report.runs[0].faults, list)


def test_half_a_run_says_what_is_missing(tmp_path):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "run.json").write_text('{"status": "running", "run": "half"}')
    report = gather([tmp_path / "half"])
    gone = ["config.yaml does not exist.", "There is no metrics.jsonl: the run has logged nothing."]
    assert report.runs[0].faults == gone
    assert "the run has logged nothing" in html(report)


def test_a_run_of_one_step_without_evaluation_is_shown(tmp_path):
    run = make_run(tmp_path / "one", steps=1, eval_every=0, checkpoint_every=0)
    report = gather([run])
    assert report.runs[0].metrics["train", "loss"].steps.tolist() == [1]
    assert "1 of 1" in html(report)


def test_numbers_that_are_none_everywhere_are_shown(tmp_path):
    run = make_run(tmp_path / "nan", steps=30)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    told = [{name: None if isinstance(value, float) else value for name, value in row.items()} for row in rows]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in told))
    report = gather([run])
    assert report.runs[0].faults == []
    assert html(report)


def test_of_logs_that_are_too_long_the_newest_rows_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(gathered, "MOST_EVENTS", 3)
    monkeypatch.setattr(scores, "MOST", 2)
    monkeypatch.setattr(completions, "MOST", 4)
    run = gather([make_run(tmp_path / "run", steps=150)]).runs[0]

    assert [event["event"] for event in run.events] == ["data", "requested", "ended"]
    assert [score.step for score in run.scores] == [100, 150]
    assert len(run.completions.rows(25)) == 4
    assert run.faults == [
        "events.jsonl has 4 events; the first 1 are left out.",
        "evals.jsonl has 4 scores; the first 2 are left out.",
        "completions/25.jsonl has more than 4 rows; the others were not read.",
    ]


def test_rows_that_are_nested_too_deep_are_left_out(tmp_path):
    run = make_run(tmp_path / "run")
    with (run / "events.jsonl").open("a") as file:
        file.write('{"time": "x", "event": ' + "[" * 5_000 + "]" * 5_000 + "}\n")
        file.write('{"time": "x", "event": ' + "[" * 150 + "]" * 150 + "}\n")
    report = gather([run])
    assert len(report.runs[0].events) == 4
    assert report.runs[0].faults == ["events.jsonl: 2 lines are no rows, and were left out."]
