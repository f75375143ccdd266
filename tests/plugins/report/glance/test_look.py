"""Runs as they are found: alive or not, gone meanwhile, or closed."""

import json
import shutil

import pytest
from privileges import modes_count

from callsheet.disk.os_errors import Refused
from callsheet.rundir.rundir import RunDir
from callsheet_plugins.report.glance.look import Glance, look_at, usual_metric
from callsheet_plugins.report.reading.records import UNREADABLE

from ..made import make_run


def test_a_run_that_goes_away_meanwhile_is_left_out_and_named(tmp_path):
    runs = {make_run(tmp_path / name, steps=2, scores=False): name for name in ("gone", "kept", "emptied")}
    shutil.rmtree(tmp_path / "gone")
    (tmp_path / "emptied" / "run.json").unlink()
    looked = look_at(runs)
    assert [glance.label for glance in looked.glances] == ["kept"]
    assert all("holds no Callsheet run" in said for said in looked.left_out) and len(looked.left_out) == 2


def test_a_run_whose_files_go_away_later_has_no_values(tmp_path):
    run = make_run(tmp_path / "run", steps=9)
    (glance,) = look_at({run: "run"}).glances
    shutil.rmtree(run)
    assert glance.metric == "" and glance.scores == {} and glance.size.count == 0 and glance.written is None


def test_a_run_that_trains_is_alive(tmp_path):
    run = make_run(tmp_path / "run", steps=9)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "status": "running", "outcome": None}))
    folder = RunDir(run)
    folder.open()
    try:
        (glance,) = look_at({run: "run"}).glances
        assert glance.state == "alive" and glance.step == 9
    finally:
        folder.close()
    assert look_at({run: "run"}).glances[0].state == "dead"


def test_logs_that_are_closed_to_this_user_cost_their_values_alone(tmp_path):
    run = make_run(tmp_path / "run", steps=9)
    (run / "metrics.jsonl").chmod(0)
    (run / "evals.jsonl").chmod(0)
    with modes_count():
        (glance,) = look_at({run: "run"}).glances
        assert (glance.state, glance.metric, glance.scores) == ("completed", "", {})


def test_a_record_that_is_closed_is_left_out_and_a_damaged_one_is_not(tmp_path):
    runs = {make_run(tmp_path / name, steps=2, scores=False): name for name in ("closed", "damaged")}
    (tmp_path / "closed" / "run.json").chmod(0)
    (tmp_path / "damaged" / "run.json").write_text("[")
    with modes_count():
        looked = look_at(runs)
    assert [(one.label, one.state) for one in looked.glances] == [("damaged", UNREADABLE)]
    assert looked.glances[0].why.startswith("run.json: it is no JSON") and len(looked.left_out) == 1


def test_the_usual_metric_is_that_of_most_runs(tmp_path):
    runs = {make_run(tmp_path / "a", steps=9, eval_every=0): "a", make_run(tmp_path / "b", steps=50): "b"}
    glances = look_at({**runs, make_run(tmp_path / "c", steps=50): "c"}).glances
    assert usual_metric(glances) == "eval_loss" and usual_metric(glances[:1]) == "loss" and usual_metric([]) == ""


def test_who_looks_at_one_by_itself_is_told_what_is_wrong(tmp_path):
    run = make_run(tmp_path / "run", steps=2, scores=False)
    assert Glance.of(run, "completed", "").config["model"] == {"path": "demo"}
    (run / "run.json").write_text("[")
    with pytest.raises(Exception, match="it is no JSON") as error:
        Glance.of(run, "completed", "")
    assert not isinstance(error.value, Refused)
