"""What an engine writes down, and what is no result."""

import pytest

from plugins.benchmarks.conftest import deliver, entries, put


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"silent": True}, "There is no results file results.json"),
        ({"text": "{"}, "cannot be read as JSON"),
        ({"text": "[]"}, 'no object with "metrics"'),
        ({"text": '{"metrics": {"a": "b"}}'}, "a='b'"),
        ({"text": '{"metrics": {}}'}, "at least one number"),
        ({"text": '{"metrics": {"a": 1}, "predictions": 3}'}, "no list of objects"),
        ({"text": '{"metrics": {"a": 1}, "breakdowns": {"part": {}}}'}, '"breakdowns" of results.json must name'),
        ({"text": '{"metrics": {"a": 1%s}}' % ("0" * 400)}, "OverflowError"),
        ({"text": "[" * 50_000}, "RecursionError"),
    ],
)
def test_results_that_never_came_or_are_malformed_say_what_is_wrong(run_dir, engine, spec, said):
    put(run_dir, engine(**spec), 1, attempts=1)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert said in failed.error and "'mine' (command)" in failed.error and "log.txt" in failed.advice
