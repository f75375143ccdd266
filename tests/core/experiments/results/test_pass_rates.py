"""pass@K is a score like any other, where each prompt was asked often enough."""

import json

import pytest

from callsheet.experiments import results
from core.experiments.results.experiments import Folder, run, scored


def sampled(path, *outcomes, metric="test.pass@2", **row):
    """An arm whose prompts were answered with these outcomes, as a text of 1 and 0 for each."""
    made = Folder(path, success_metric=metric)
    name = made.add("plain", state="done", status="completed")
    folder = run(path / name, evals=[scored(0.5, predictions="p.jsonl", **row)])
    rows = [{"prompt": f"q{n}", "right": one == "1"} for n, outcome in enumerate(outcomes) for one in outcome]
    (folder / "p.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return results.of(made.record().path)


def test_it_is_the_mean_over_prompts(tmp_path):
    assert sampled(tmp_path, "1100", "0001", "0000").scores["plain"] == pytest.approx((5 / 6 + 1 / 2 + 0) / 3)


def test_a_metric_of_the_benchmark_itself_goes_first(tmp_path):
    assert sampled(tmp_path, "11", metrics={"pass@2": 0.25}).scores == {"plain": 0.25}


@pytest.mark.parametrize(
    ("outcomes", "metric", "said"),
    [
        (["11", "1"], "test.pass@2", "needs 2 answers to each prompt, and one prompt has 1"),
        ([], "test.pass@2", "has no answers of 'test'"),
        (["11"], "test.pass@0", "no score 'test.pass@0'"),
        (["11"], "other.pass@2", "has no answers of 'other'"),
    ],
)
def test_what_cannot_be_estimated_is_said(tmp_path, outcomes, metric, said):
    assert said in sampled(tmp_path, *outcomes, metric=metric).missing["plain"]
