import re
from pathlib import Path
from typing import Any

from callsheet_plugins.report.gathered import Report, gather
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections.events import section

from ..made import at, event_rows, make_experiment, make_run, write_rows

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def with_events(folder: Path, *events: dict[str, Any]) -> Report:
    make_run(folder, steps=4)
    write_rows(folder / "events.jsonl", [*event_rows(4, "completed"), *events])
    return gather([folder])


def html(report: Report) -> str:
    found = section(report)
    assert found
    return str(part(found).html)


def test_what_a_plugin_asked_for_is_a_row_of_its_kind(tmp_path: Path):
    event = {"time": at(2), "event": "requested", "request": "stop", "plugin": "early_stopping", "reason": "it rose"}
    shown = html(with_events(tmp_path / "run", event))
    assert "Plugin early_stopping asked to stop the run: it rose." in shown
    assert 'data-kind="asked"' in shown


def test_a_traceback_is_folded_and_bounded(tmp_path: Path):
    event = {"event": "failed", "error": "E: no", "traceback": "File\n" + "x" * 1_000_000}
    shown = html(with_events(tmp_path / "run", {"time": at(2), **event}))
    assert re.search(r"<details [^>]*><summary>Details</summary>.*<dt>traceback</dt><dd><pre", shown, re.DOTALL)
    assert len(shown) < 20_000


def test_what_an_event_says_is_text(tmp_path: Path):
    shown = html(with_events(tmp_path / "run", {"time": at(2), "event": HOSTILE, HOSTILE: [HOSTILE]}))
    assert not set("\x1b\u202e") & set(shown)
    assert "<script" not in shown


def test_only_the_job_of_a_benchmark_scores_a_checkpoint(tmp_path: Path):
    done = [
        {"event": "carried_out", "what": "benchmarks", "attempts": 1, "id": id} for id in ("of-a", "job-a", "job-b")
    ]
    started = [{"event": "benchmark_submitted", "where": "local", "id": id} for id in ("job-a", "job-b", ["odd"])]
    shown = html(with_events(tmp_path / "run", *({"time": at(2), **event} for event in (*started, *done))))
    rows = dict(re.findall(r"<bdi>(A checkpoint was [^<]*)</bdi>.*?<td class=\"number\"[^>]*>(\d+)<", shown, re.DOTALL))
    assert rows == {
        "A checkpoint was scored (benchmarks).": "2",
        "A checkpoint was handed to its benchmarks (benchmarks).": "1",
    }
    assert "is_job" not in shown


def test_thousands_of_equal_events_are_a_row_with_their_count(tmp_path: Path):
    events = [{"time": at(2), "event": "refused", "door": "trainer.log", "values": {"x": "text"}}] * 1_900
    assert '<td class="number" data-sort="1900">1,900</td>' in html(with_events(tmp_path / "run", *events))


def test_of_several_runs_each_row_says_whose_it_is(tmp_path: Path):
    shown = html(gather([make_experiment(tmp_path / "exp", steps=4)]))
    assert "<td>all runs</td>" in shown


def test_a_run_without_events_has_no_such_section(tmp_path: Path):
    make_run(tmp_path / "run", steps=4)
    (tmp_path / "run" / "events.jsonl").unlink()
    assert section(gather([tmp_path / "run"])) is None


def test_the_ids_of_folds_differ(tmp_path: Path):
    events = [{"time": at(2), "event": "failed", "error": word, "traceback": "a\nb"} for word in ("one", "two", "four")]
    ids = re.findall(r'<details id="([^"]+)"', html(with_events(tmp_path / "run", *events)))
    assert len(ids) == len(set(ids)) >= 3


def test_what_the_driver_of_an_experiment_did_is_told(tmp_path: Path):
    folder = make_experiment(tmp_path / "exp", steps=4)
    write_rows(folder / "events.jsonl", [{"time": at(1), "event": "rerun", "arm": "plain-seed-0", "moved_to": None}])
    shown = html(gather([folder]))
    assert "Arm plain-seed-0 runs again." in shown
    assert "<td>the experiment exp</td>" in shown
