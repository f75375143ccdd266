"""What a composed configuration makes of a run."""

from pathlib import Path

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.errors import CallsheetError


@pytest.mark.parametrize("place", ["runs/ü mit space", "~/somewhere", "runs/plain"])
def test_a_directory_may_have_any_name(place):
    overrides = ["recipe=demo", f"output_dir={place}", "dataset.split=train[:50%]"]
    plan = make_plan(compose(overrides), overrides)
    assert plan.run_dir == Path(place).expanduser().absolute() and plan.dataset.split == "train[:50%]"


@pytest.mark.parametrize("name", ["output_dir", "resume", "model.path", "dataset.path", "dataset.eval_path"])
def test_a_name_that_no_file_can_have_is_refused(name):
    overrides = ["recipe=demo", f"{name}=runs/{'x' * 300}"]
    with pytest.raises(CallsheetError, match=f"{name}=.runs/xxx.*holds a name of more than 255 bytes"):
        make_plan(compose(overrides), overrides)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("experiment", "${oc.env:PLANTED_TOKEN}"),
        ("output_dir", "runs/${oc.env:PLANTED_TOKEN}/x"),
        ("resume", "runs/planted-value-1"),
        ("trainer.args.run_name", "a ${oc.env:PLANTED_TOKEN}"),
        ("trainer.args.report_to", "['${oc.env:PLANTED_TOKEN}']"),
        ("model.revision", "${oc.env:PLANTED_TOKEN}"),
        ("dataset.eval", "{planted-value-1: x.jsonl}"),
    ],
)
def test_a_secret_is_refused_where_files_would_show_it(setting, value, monkeypatch):
    monkeypatch.setenv("PLANTED_TOKEN", "planted-value-1")
    overrides = ["recipe=demo", f"{setting}={value}"]
    with pytest.raises(
        CallsheetError, match=f"{setting} holds the value of the environment variable PLANTED_T"
    ) as said:
        make_plan(compose(overrides), overrides)
    assert "planted-value" not in str(said.value)


def test_a_secret_may_stand_where_only_memory_holds_it(monkeypatch):
    monkeypatch.setenv("PLANTED_TOKEN", "planted-value-1")
    overrides = ["recipe=demo", "callbacks.x={path: a.B, api_key: '${oc.env:PLANTED_TOKEN}'}"]
    plan = make_plan(compose(overrides), overrides)
    assert plan.callbacks["x"]["api_key"] == "planted-value-1" and "planted-value" not in str(plan.composed)


def test_everything_that_is_out_of_its_range_is_said_at_once():
    wrong = ["plugins.bema.update_freq=0", "plugins.bema.lag=-1", "dataset.seed=-1", "launch.threads=0"]
    overrides = ["recipe=demo", *wrong]
    with pytest.raises(CallsheetError) as refusal:
        make_plan(compose(overrides), overrides)
    lines = str(refusal.value).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [item.partition("=")[0] for item in wrong]
