"""What an engine writes down, and what is no result."""

import pytest

from plugins.benchmarks.conftest import deliver, entries, put


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"silent": True}, "There is no results file results.json"),
        ({"text": "{"}, "cannot be read as JSON"),
        ({"text": "[]"}, 'no object with "metrics"'),
        ({"text": '{"metrics": {"a": "b"}}'}, "at least one number; a is text."),
        ({"text": '{"metrics": {}}'}, "at least one number"),
        ({"text": "[" * 50_000}, "is nested too deeply to be read as JSON"),
    ],
)
def test_results_that_never_came_or_are_malformed_say_what_is_wrong(run_dir, engine, spec, said):
    put(run_dir, engine(**spec), 1, attempts=1)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert said in failed.error and "'mine' (command)" in failed.error and "log.txt" in failed.advice


def test_what_is_odd_in_results_costs_no_score(run_dir, engine):
    text = """{"metrics": {"a": 1, "b": NaN, "c": 1%s, "d": "x", "e": {"f": true}, "g": [1]},
               "breakdowns": {"part": {"a": 0.5, "b": "x"}, "none": {}, "odd": 3}, "predictions": 3}""" % ("0" * 400)
    put(run_dir, engine(text=text), 1, attempts=1)
    deliver(run_dir)
    (done,) = [entry for entry in entries(run_dir, "done") if "evals" in entry.result]
    (scored,) = done.result["evals"]
    assert scored["result"]["metrics"] == {"a": 1, "b": None, "c": None, "e/f": 1} and scored["predictions"] is None
    assert scored["result"]["breakdowns"] == {"part": {"a": 0.5}}
    assert {*scored["left_out"]} == {"d", "g", "predictions", "breakdowns/part/b", "breakdowns/odd"}
