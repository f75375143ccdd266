from typing import Any

from callsheet_plugins.report.telling.events import FAILED
from callsheet_plugins.report.telling.folding import MOST, folded


def row(event: str, second: int = 0, **fields: Any) -> dict[str, Any]:
    return {"time": f"2026-11-28T03:51:{second:02d}+00:00", "event": event, **fields}


def test_equal_events_are_one_with_their_count():
    events = [row("carried_out", at, id=f"x-{at}", what="hub_revisions", attempts=1) for at in range(9)]
    (one,), left_out = folded([("run", events)])
    assert (one.count, one.last - one.first, left_out) == (9, 8, 0)


def test_events_that_differ_in_a_number_are_one_if_they_are_many():
    two = [row("saved", step=at) for at in range(2)]
    many = [row("completed_late", checkpoint=f"checkpoint-{at}", seconds=at / 7) for at in range(50)]
    found, _ = folded([("run", two + many)])
    assert [one.count for one in found] == [1, 1, 50]


def test_each_of_a_few_requests_keeps_its_reason():
    few = [row("requested", at, request="save", plugin="best", reason=f"loss {at}") for at in range(9)]
    assert len(folded([("run", few)])[0]) == 9
    assert len(folded([("run", few * 2)])[0]) == 1


def test_it_is_said_which_runs_have_it():
    (one,), _ = folded([("a", [row("started", 5, attempt=1)]), ("b", [row("started", 2, attempt=1)])])
    assert [*one.runs] == ["a", "b"]
    assert one.last - one.first == 3


def test_a_clock_that_was_set_back_is_said_and_changes_no_order_of_a_file():
    found, _ = folded([("run", [row("started", 30, attempt=1), row("saved", 10, step=5)])])
    assert {one.event.rest.get("step"): one.clock_went_back for one in found} == {None: False, 5: True}


def test_failures_are_kept_where_there_are_too_many_events():
    words = [f"{chr(97 + at // 26 % 26)}{chr(97 + at % 26)}" for at in range(26 * 26)]
    events = [row("stopping", reason=word) for word in words] + [row("plugin_failed", plugin="p", error="late")]
    found, left_out = folded([("run", events)])
    assert (len(found), left_out) == (MOST, len(events) - MOST)
    assert sum(one.event.kind == FAILED for one in found) == 1


def test_a_thousand_runs_of_many_events_are_not_all_put_in_words():
    events = [row("carried_out", what="benchmarks", attempts=1)] * 40 + [row("interrupted", error="SIGTERM")]
    found, left_out = folded([(f"run-{at}", events) for at in range(1_000)])
    assert {one.event.kind: one.count for one in found}[FAILED] == 1_000
    assert sum(one.count for one in found) + left_out == 41_000


def test_of_too_many_events_of_a_run_failures_are_kept():
    events = [row("interrupted", error="SIGTERM"), *[row("carried_out", what="benchmarks", attempts=1)] * 200]
    found, left_out = folded([(f"run-{at}", events) for at in range(1_000)])
    assert {one.event.kind: one.count for one in found}[FAILED] == 1_000
    assert sum(one.count for one in found) + left_out == 201_000


def test_absent_times_and_no_events_are_no_fault():
    assert folded([("run", [])]) == ([], 0)
    (one,), _ = folded([("run", [{"event": "started"}])])
    assert one.first is None
