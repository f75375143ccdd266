"""The first section: each run in a row, verdicts in sentences, and what could not be read."""

import json
import re

import pytest

from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections.overview import section

from ..made import make_experiment, make_run


def shown(*paths):
    html = str(part(section(gather(paths))).html)
    return re.sub(r"\s+", " ", html)


def rows(html):
    """The rows of the table, each the texts of its cells."""
    body = html.split("<tbody>")[1].split("</tbody>")[0]
    cells = [re.split(r"<t[hd][^>]*>", row)[1:] for row in body.split("<tr>")[1:]]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in cells]


def columns(html):
    return re.findall(r'<th scope="col">([^<]*)', html)


def test_an_experiment_has_a_row_for_each_run_and_its_verdict(tmp_path):
    html = shown(make_experiment(tmp_path / "exp", arms=["plain", "bema"], seeds=2, steps=50))

    assert columns(html)[:5] == ["run", "status", "step", "test.exact_match", "last eval_loss"]
    assert "seed" in columns(html)
    assert [row[:3] for row in rows(html)] == [
        [name, "completed", "50"] for name in ("bema-seed-0", "bema-seed-1", "plain-seed-0", "plain-seed-1")
    ]
    assert "Hypothesis: bema is better" in html
    assert re.search(r"<li>bema (is better than|and) plain", html)
    assert "The best single run is" in html


def test_a_single_run_is_told_in_facts(tmp_path):
    html = shown(make_run(tmp_path / "one"))

    facts = dict(re.findall(r"<dt>([^<]*)</dt><dd>(?:<span[^>]*>)?([^<]*)", html))
    assert (facts["status"], facts["step"], facts["took"]) == ("completed", "100 of 100", "1 min 40 s")
    assert "<table" not in html


def test_a_run_that_failed_says_why_and_what_goes_on(tmp_path):
    outcome = {"status": "failed", "step": 7, "error": "ValueError: no <b>loss</b>"}
    made = make_run(tmp_path / "one", status="failed", record={"outcome": outcome})
    html = shown(made)

    assert "ValueError: no &lt;b&gt;loss&lt;/b&gt;" in html
    assert "7 of 100" in html
    assert "It cannot be resumed: " in html

    (made / "outbox" / "pending").mkdir(parents=True)
    (made / "outbox" / "pending" / "ping-1.json").write_text("{}")
    assert re.search(r"What goes on with it:</p>.*callsheet outbox drain [^<]*/one<", shown(made))


@pytest.mark.parametrize("runs", [2, 3])
def test_equal_faults_of_several_runs_are_one(tmp_path, runs):
    for number in range(runs):
        made = make_run(tmp_path / f"run{number}")
        with (made / "metrics.jsonl").open("a") as file:
            file.write('{"step": 5, "lo')
    html = shown(tmp_path)

    assert html.count("its last line is torn") == 1
    assert f"<b>{', '.join(f'run{number}' for number in range(runs))}</b>" in html


def test_a_run_that_cannot_be_read_has_its_row(tmp_path):
    make_run(tmp_path / "good")
    make_run(tmp_path / "later", record={"format": 99, "versions": {"callsheet": "9.1"}})
    make_run(tmp_path / "torn")
    (tmp_path / "torn" / "run.json").write_text('{"format": 1, "ru')
    html = shown(tmp_path)

    assert [row[:2] for row in rows(html)] == [["good", "completed"], ["later", "unreadable"], ["torn", "unreadable"]]
    assert "was written by Callsheet 9.1, in format 99" in html
    assert re.search(r"<b>torn</b>: [^<]*run.json: it is no JSON", html)


def test_of_several_runs_those_that_did_not_complete_say_why(tmp_path):
    for name, status, said in (("a", "completed", {}), ("b", "failed", {"error": "no <space>"}), ("c", "stopped", {})):
        outcome = {"status": status, "step": 7, "stopped_by": "patience" if status == "stopped" else None, **said}
        make_run(tmp_path / name, status=status, record={"outcome": outcome})
    html = shown(tmp_path)

    ends = html.split("Why 2 runs did not complete")[1]
    assert "no &lt;space&gt;" in ends and "a plugin stopped it: patience" in ends
    assert ends.index("b <span") < ends.index("c <span")


def test_a_run_whose_settings_are_not_known_differs_in_none(tmp_path):
    make_run(tmp_path / "a")
    make_run(tmp_path / "b", record={"format": 9})
    assert columns(shown(tmp_path))[:6] == ["run", "status", "step", "test.exact_match", "last eval_loss", "took"]


def test_settings_that_differ_are_columns_and_equal_ones_are_not(tmp_path):
    for rate in (0.1, 0.2):
        made = make_run(tmp_path / f"lr{rate}")
        record = json.loads((made / "run.json").read_text())
        record["config"]["trainer"]["args"]["learning_rate"] = rate
        (made / "run.json").write_text(json.dumps(record))
    html = shown(tmp_path)

    assert "learning_rate" in columns(html) and "seed" not in columns(html)


def test_what_a_hostile_run_is_called_is_text(tmp_path):
    make_run(tmp_path / "<script>alert(1)</script>")
    make_run(tmp_path / 'a "quoted" naïve 名\u202e')
    html = shown(tmp_path)

    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "\u202e" not in html
