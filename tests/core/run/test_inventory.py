"""What run.json says of the trainer's arguments, the data and the model."""

import json
from dataclasses import fields

import pytest

from callsheet.rundir.rundir import RunDir

QUIET = ("plugins=[]", "launch.threads=1")
ROWS = [{"prompt": f"{word} -> ", "completion": word[::-1]} for word in ("harbor", "lantern", "meadow", "orchid")]


def about(session):
    return RunDir(session.run_dir.path, is_main=False).run()


def test_a_run_says_every_argument_its_data_its_parameters_and_its_best_checkpoint(run_demo):
    session = run_demo(*QUIET)
    run, args = about(session), session.state.args
    assert {field.name for field in fields(args) if field.init} <= run["trainer_args"].keys()
    assert run["trainer_args"]["weight_decay"] == args.weight_decay and run["trainer_args"]["output_dir"] == "."
    assert str(session.run_dir.path) not in json.dumps({**run, "command": None, "overrides": None, "config": None})
    trained, evaluated = run["data"]["train"], run["data"]["eval"]
    assert trained["rows"] > evaluated["rows"] > 0 and trained["digest"] != evaluated["digest"]
    [source] = trained["sources"]
    assert source["path"].endswith("demo/train.jsonl") and source["split"] == "train"
    weights = sum(parameter.numel() for parameter in session.state.model.parameters())
    assert run["parameters"] == {"trainable": weights, "total": weights}
    losses = {row["step"]: row["eval_loss"] for row in session.run_dir.rows("metrics.jsonl") if "eval_loss" in row}
    step = min(losses, key=losses.get)
    best = {"checkpoint": f"checkpoint-{step}", "step": step, "metric": "eval_loss", "value": losses[step]}
    assert run["best"] == {**best, "greater_is_better": False}


def test_the_trainers_own_metric_decides_which_is_best(run_demo):
    chosen = ["trainer.args.metric_for_best_model=entropy", "trainer.args.greater_is_better=true"]
    session = run_demo(*QUIET, *chosen)
    best = about(session)["best"]
    assert best["metric"] == "eval_entropy" and best["greater_is_better"] is True
    assert session.state.trainer.state.best_model_checkpoint.endswith(best["checkpoint"])
    assert best["value"] == pytest.approx(session.state.trainer.state.best_metric)


def test_of_an_adapter_the_parameters_that_train_are_counted(run_trainer):
    parameters = about(run_trainer("sft", *QUIET, "peft=lora"))["parameters"]
    assert 0 < parameters["trainable"] < parameters["total"] / 2


def test_two_runs_of_the_same_rows_have_one_digest_and_another_row_makes_another(run_trainer):
    def digest(folder, rows):
        return about(run_trainer("sft", *QUIET, rows=rows, output_dir=folder))["data"]["train"]

    first, second = digest("one", ROWS), digest("two", ROWS)
    third = digest("three", [*ROWS[:-1], {**ROWS[-1], "completion": "another"}])
    assert first["digest"] == second["digest"] != third["digest"]
    assert first["rows"] == third["rows"] == len(ROWS) and first["digest"].startswith("sha256:")


def test_each_evaluation_set_is_told_by_its_name_and_a_stream_has_no_number(run_trainer, tmp_path):
    for name, rows in (("easy", ROWS[:2]), ("hard", ROWS[2:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    chosen = [f"dataset.eval={{easy: {tmp_path}/easy.jsonl, hard: {tmp_path}/hard.jsonl}}", "dataset.streaming=true"]
    data = about(run_trainer("sft", *QUIET, *chosen, rows=ROWS))["data"]
    assert [*data] == ["train", "eval_easy", "eval_hard"]
    assert data["train"]["rows"] is None is data["train"]["digest"]
    assert data["eval_hard"]["rows"] == 2 and data["eval_hard"]["digest"] != data["eval_easy"]["digest"]
    assert data["eval_hard"]["sources"][0]["path"] == f"{tmp_path}/hard.jsonl"


def test_large_data_get_their_digest_beside_the_loop(run_trainer, monkeypatch):
    small = about(run_trainer("sft", *QUIET, rows=ROWS))["data"]["train"]
    monkeypatch.setattr("callsheet.run.digests.SMALL", 0)
    assert (
        about(run_trainer("sft", *QUIET, rows=ROWS, output_dir="large"))["data"]["train"]["digest"] == small["digest"]
    )


def test_the_card_says_where_the_model_comes_from_and_nowhere_none(run_demo):
    card = (run_demo(*QUIET).run_dir.path / "README.md").read_text()
    assert "This model was trained from random weights" in card and "None" not in card
