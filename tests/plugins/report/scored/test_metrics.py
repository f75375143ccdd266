"""Which metrics are important, and which score of a step counts."""

import json

from callsheet.experiments import results
from callsheet_plugins.report.gathered import Report
from callsheet_plugins.report.scored import metrics
from callsheet_plugins.report.scored.metrics import Metric, direction, indexed
from plugins.report.made import make_experiment, write_rows
from plugins.report.scored.scores import scored_run


def names(report):
    return [metric.full for metric in indexed(report)]


def test_first_metrics_of_benchmarks_stand_before_others_and_tasks_last(tmp_path):
    numbers = {"exact_match,strict": 0.5, "exact_match,strict_stderr": 0.1, "exact_match,flexible": 0.6}
    tasks = {f"mmlu_{at}/acc": 0.1 for at in range(3)}
    run = scored_run(tmp_path / "a", [("gsm8k", numbers, 1), ("mmlu", {"acc": 0.3, "acc_stderr": 0.1, **tasks}, 1)])
    found = names(Report("x", tmp_path, [run]))
    assert found[:3] == ["gsm8k.exact_match,strict", "mmlu.acc", "gsm8k.exact_match,flexible"]
    assert found[3:] == [f"mmlu.mmlu_{at}/acc" for at in range(3)]


def test_what_an_experiment_compares_is_first(tmp_path):
    folder = make_experiment(tmp_path / "exp", arms=("a",), seeds=1, metric="late.f1", steps=2)
    run = scored_run(folder / "a-seed-0", [("early", {"x": 1.0}, 1), ("late", {"acc": 1.0, "f1": 0.5}, 1)], arm="a")
    summary = results.of(folder)
    assert names(Report("x", folder, [run], [summary]))[0] == "late.f1"
    assert direction(Metric("late", "f1"), [summary]) == "maximize"


def test_of_a_step_that_was_scored_twice_the_last_counts_and_kinds_of_weights_stand_apart(tmp_path):
    rows = [("t", {"m": 0.1}, 2), ("t", {"m": 0.2}, 1), ("t", {"m": 0.9}, 2), ("t", {"m": 0.3}, None)]
    run = scored_run(tmp_path / "a", [*rows, ("t", {"m": 0.7}, 2, None, "bema")])
    raw, bema = indexed(Report("x", tmp_path, [run]))[Metric("t", "m")]
    assert [(score.step, score.value) for score in raw.scores] == [(None, 0.3), (1, 0.2), (2, 0.9)]
    assert [score.step for score in raw.steps] == [1, 2]
    assert (bema.weights, [score.value for score in bema.scores]) == ("bema", [0.7])


def with_tasks(folder, tasks):
    run = scored_run(folder, [("mmlu", {"acc": 0.5, "other": 0.1}, 1)])
    row = json.loads((folder / "evals.jsonl").read_text())
    write_rows(folder / "evals.jsonl", [{**row, "breakdowns": tasks}])
    return Report("x", folder, [run])


def test_tasks_of_a_benchmark_are_metrics_of_their_own(tmp_path):
    tasks = {"mmlu": {"acc": 0.5}, "law": {"acc": 0.25, "acc_stderr": 0.1}, "art": {"acc": "odd"}, "odd": 3}
    found = indexed(with_tasks(tmp_path / "a", tasks))
    assert [metric.full for metric in found] == ["mmlu.acc", "mmlu.other", "mmlu.law/acc"]
    assert found[Metric("mmlu", "law/acc")][0].scores[0].value == 0.25


def test_very_many_tasks_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "MOST_PARTS", 2)
    report = with_tasks(tmp_path / "a", {f"task_{at}": {"acc": 0.5} for at in range(3)})
    assert names(report) == ["mmlu.acc", "mmlu.other"]


def test_a_metric_without_any_number_stands_last(tmp_path):
    run = scored_run(tmp_path / "a", [("t", {"a": None, "b/c": 1.0}, 1)])
    assert names(Report("x", tmp_path, [run])) == ["t.b/c", "t.a"]


def test_what_is_no_number_is_no_score(tmp_path):
    run = scored_run(tmp_path / "a", [("t", {"says": "hello", "m": None}, 1)])
    assert names(Report("x", tmp_path, [run])) == ["t.m"]
