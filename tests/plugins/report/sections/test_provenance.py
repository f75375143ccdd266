import re
from pathlib import Path

from callsheet_plugins.report.gathered import Report, gather
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections.provenance import MOST, section

from ..made import make_experiment, make_run


def html(report: Report) -> str:
    found = section(report)
    assert found
    return str(part(found).html)


def test_what_is_copied_is_plain_text(tmp_path: Path):
    make_run(tmp_path / "run", steps=4, record={"cwd": "/home/<b>me</b>"})
    shown = html(gather([tmp_path / "run"]))
    assert re.search(r"<pre[^>]*>callsheet train recipe=demo</pre><button[^>]*data-copy", shown)
    assert "/home/&lt;b&gt;me&lt;/b&gt;" in shown


def test_of_many_runs_each_arm_is_shown_and_it_is_said_how_many_are_not(tmp_path: Path):
    arms = [f"arm-{number}" for number in range(12)]
    shown = html(gather([make_experiment(tmp_path / "exp", arms=arms, seeds=2, steps=1, scores=False)]))
    assert shown.count("<details") == MOST
    assert all(f"<summary>{arm}-seed-0</summary>" in shown for arm in arms)
    assert "4 more runs are not shown" in shown


def test_a_run_whose_record_is_gone_has_a_line(tmp_path: Path):
    make_run(tmp_path / "run", steps=4)
    (tmp_path / "run" / "run.json").write_text("{}")
    assert re.search(r"<pre[^>]*>run {2}run</pre>", html(gather([tmp_path / "run"])))
