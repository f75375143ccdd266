from pathlib import Path
from typing import Any

from callsheet_plugins.report.gathered import Report, gather
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections.differences import section

from ..made import make_experiment, make_run


def html(report: Report) -> str:
    found = section(report)
    assert found
    return " ".join(str(part(found).html).split())


def runs(folder: Path, *configs: Any, **record: Any) -> Report:
    for number, config in enumerate(configs):
        make_run(folder / f"run-{number}", steps=1, scores=False, record={"config": config, **record})
    return gather([folder])


def test_only_what_differs_is_shown(tmp_path: Path):
    shown = html(runs(tmp_path, {"model": {"path": "a"}, "same": 1}, {"model": {"path": "<b>"}, "same": 1}))
    assert '<th scope="row">model.path</th><td>a</td><td>&lt;b&gt;</td>' in shown
    assert "same</th>" not in shown


def test_arms_differ_by_arm_and_not_by_seed(tmp_path: Path):
    shown = html(gather([make_experiment(tmp_path / "exp", steps=1, scores=False)]))
    assert "in the same way in all, trainer.args.seed (0, 1, 2) differs" in shown
    assert "The same in all runs: plugins, code, versions, machine." in shown


def test_many_runs_are_told_by_value(tmp_path: Path):
    shown = html(runs(tmp_path, *({"rate": number % 3, "name": f"n{number}"} for number in range(30))))
    assert "0 — 10 runs: run-0, run-3" in shown
    assert "and 24 other values" in shown


def test_of_one_run_what_was_typed_is_shown(tmp_path: Path):
    shown = html(runs(tmp_path, {"a": 1}, overrides=["recipe=demo", "model.path=a=b", "--force", "token=***"]))
    assert '<th scope="row">model.path</th><td>a=b</td>' in shown
    assert '<th scope="row">token</th><td>***</td>' in shown
    assert '<th scope="row">--force</th><td></td>' in shown


def test_a_script_and_a_run_without_overrides_say_so(tmp_path: Path):
    assert "A script started this run" in html(runs(tmp_path / "script", {"a": 1}, overrides=None))
    assert "Nothing was set" in html(runs(tmp_path / "plain", {"a": 1}, overrides=[]))


def test_a_branch_says_what_it_changed(tmp_path: Path):
    branch = {"checkpoint": "../a/checkpoint-1", "step": 1, "changed": {"rate": {"before": 0.1, "now": None}}}
    shown = html(runs(tmp_path, {"a": 1}, branch=branch))
    assert '<th scope="row">rate</th><td>0.1</td><td>null</td>' in shown


def test_a_run_of_0_1_has_its_overrides_in_its_command(tmp_path: Path):
    make_run(tmp_path / "run", steps=1)
    record = (
        (tmp_path / "run" / "run.json").read_text().replace('"overrides"', '"was"').replace('"format"', '"was_format"')
    )
    (tmp_path / "run" / "run.json").write_text(record)
    assert '<th scope="row">recipe</th><td>demo</td>' in html(gather([tmp_path / "run"]))


def test_runs_of_damaged_records_are_compared(tmp_path: Path):
    report = runs(tmp_path, None, {"a": 1}, [])
    for name, text in (("run-1", "{}"), ("run-2", '{"arm": {}, "config": [], "versions": 7, "git": []}')):
        (tmp_path / name / "run.json").write_text(text)
    assert html(gather([tmp_path]))
    assert report.runs
