"""Lines over steps: of seeds their means, of a single run its scores."""

import math

import pytest

from callsheet_plugins.report.gathered import Report, gather
from callsheet_plugins.report.scored.answered import NONE_KEPT, Answers
from callsheet_plugins.report.scored.intervals import over_seeds
from callsheet_plugins.report.scored.lines import lines
from callsheet_plugins.report.scored.metrics import indexed
from plugins.report.made import make_experiment
from plugins.report.scored.scores import rights, scored_run


def lines_of(report):
    (scored,) = indexed(report).values()
    return lines(scored, Answers().sure)


def test_seeds_make_a_mean_and_its_interval_and_stay_as_dots(tmp_path):
    folder = make_experiment(tmp_path / "exp", seeds=3)
    plain, bema = sorted(lines_of(gather([folder])), key=lambda line: line.name != "plain")
    assert (plain.name, bema.name, plain.runs) == ("plain", "bema", 3)
    last = plain.points[-1]
    values = [value for _, step, value in plain.dots if step == last.step]
    assert len(values) == 3 and last.value == pytest.approx(math.fsum(values) / 3)
    assert (last.low, last.high) == over_seeds(values) and last.made_of == "over 3 seeds"


def test_a_seed_that_stopped_leaves_the_mean_of_the_others(tmp_path):
    runs = [scored_run(tmp_path / name, rows, name, arm="a") for name, rows in (
        ("s0", [("t", {"m": 0.2}, 1), ("t", {"m": 0.4}, 2)]),
        ("s1", [("t", {"m": 0.4}, 1), ("t", {"m": None}, 2)]),
    )]  # fmt: skip
    (line,) = lines_of(Report("x", tmp_path, runs))
    assert [(point.value, point.made_of) for point in line.points] == [
        (pytest.approx(0.3), "over 2 seeds"),
        (0.4, "over 1 seed"),
    ]


def test_a_single_run_has_intervals_over_its_prompts_and_says_where_not(tmp_path):
    answers = rights(*[1, 0] * 20)
    rows = [("t", {"m": 0.5}, 1, answers), ("t", {"m": 0.6}, 2), ("t", {"m": 0.5}, 1, answers, "bema")]
    run = scored_run(tmp_path / "a", rows, "mine")
    raw, bema = lines_of(Report("x", tmp_path, [run]))
    assert (raw.name, bema.name) == ("mine (raw weights)", "mine (bema weights)")
    first, second = raw.points
    assert first.low is not None and first.high is not None and first.low < 0.5 < first.high
    assert (second.low, second.made_of) == (None, f"no interval: {NONE_KEPT}")
    assert raw.last == 0.6


def test_stages_are_lines_of_their_own(tmp_path):
    made = {"experiment_id": "e", "method": "a", "seed": 0}
    runs = [
        scored_run(tmp_path / stage, [("t", {"m": 0.2}, 1)], stage, record={"arm": {**made, "stage": stage}})
        for stage in ("facts", "style")
    ]
    assert [line.name for line in lines_of(Report("x", tmp_path, runs))] == ["a · facts", "a · style"]
