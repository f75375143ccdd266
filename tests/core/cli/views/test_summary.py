"""The table at the end of a run: what each plugin cost, and which of them failed."""

from rich.console import Console

from callsheet.cli.views.summary import cost_table


def cost(calls=1, failures=0):
    return {"calls": calls, "seconds": 0.5, "slowest": 0.25, "failures": failures}


def printed(costs, disabled=()):
    console = Console(width=200, record=True, quiet=False)
    with console.capture() as capture:
        console.print(cost_table(costs, 10.0, disabled))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_table_marks_who_failed_where_and_how_often():
    head, good, bad = printed({"good": {"on_log": cost()}, "bad": {"on_log": cost(9, 3), "on_eval": cost(2, 1)}})
    assert head.endswith("failed") and good.endswith("on_log 0.250 s")
    assert bad.endswith("on_log 3 times, on_eval 1 time")


def test_who_was_disabled_is_no_longer_called():
    assert printed({"bad": {"on_log": cost(1, 1)}}, {"bad"})[1].endswith("on_log 1 time, then no longer called")


def test_where_nobody_failed_there_is_no_such_column():
    assert "failed" not in printed({"good": {"on_log": cost()}})[0]
