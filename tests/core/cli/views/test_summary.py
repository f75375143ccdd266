"""The table at the end of a run: what each plugin cost, and which of them failed."""

import json
import tracemalloc

from rich.console import Console

from callsheet.cli.views.summary import cost_table, show_scores
from callsheet.rundir.rundir import RunDir


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


def scores(run_dir, count):
    """Rows of `count` steps and `count` benchmarks, with some lines among them that are no score."""
    with (run_dir / "evals.jsonl").open("w") as file:
        for number in range(count):
            rows = [("mine", number, {"acc": number / count}), (f"other-{number}", 0, {"acc": None})]
            for name, step, metrics in rows:
                file.write(json.dumps({"name": name, "step": step, "metrics": metrics, "tags": {}}) + "\n")
        file.write(
            '{"name": 3}\n[]\n{"name": "x", "metrics": 7, "step": 1}\n{"name": "x", "metrics": {}, "step": {}}\n'
        )
        file.write('{"torn')
    return RunDir(run_dir, is_main=False)


def test_a_run_of_many_scores_shows_some_and_holds_no_more(tmp_path):
    run_dir, console = scores(tmp_path, 2_000), Console(width=200, highlight=False)
    with console.capture():
        show_scores(run_dir, console, names={"other-0"})  # what is imported for it stays
    tracemalloc.start()
    with console.capture() as capture:
        show_scores(run_dir, console)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert lines[0].endswith("at 0   at 1995  at 1996  at 1997  at 1998  at 1999")
    assert lines[1].split() == ["mine", "acc", "0.000", "0.998", "0.998", "0.999", "0.999", "1.000"]
    assert len(lines) == 62 and lines[-1].startswith("1941 rows more, of other metrics: ")
    assert peak < 1_000_000


def test_a_run_without_scores_shows_no_table(tmp_path):
    console = Console(width=200)
    with console.capture() as capture:
        show_scores(RunDir(tmp_path, is_main=False), console)
        show_scores(scores(tmp_path, 3), console, names={"absent"})
    assert capture.get() == ""


def test_a_name_that_looks_like_markup_is_shown_as_it_is(tmp_path):
    row = {"name": "[/b]", "metrics": {"[red]acc": "[/]"}, "step": 1, "tags": {"weights": "[bold]"}}
    (tmp_path / "evals.jsonl").write_text(json.dumps(row))
    console = Console(width=200)
    with console.capture() as capture:
        show_scores(RunDir(tmp_path, is_main=False), console)
    assert capture.get().splitlines()[1].split() == ["[/b]", "[bold]", "[red]acc", "[/]"]
