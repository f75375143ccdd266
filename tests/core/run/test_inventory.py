"""What run.json says of the trainer's arguments, the data and the model."""

import json
from dataclasses import fields

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainingArguments

import callsheet
from callsheet.rundir.rundir import RunDir
from core.model_files.files import DEMO

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


ANOTHER = [*ROWS[:-1], {**ROWS[-1], "completion": "another"}]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS, None),
        (ANOTHER, "(as many, and others or in another order)"),
        (ROWS[::-1], "(as many, and others or in another order)"),
        (ROWS[:2], "(2 in place of 4)"),
    ],
)
@pytest.mark.parametrize("small", [True, False], ids=["small", "large"])
def test_a_resumed_run_says_if_its_rows_are_others(run_trainer, monkeypatch, caplog, rows, said, small):
    if not small:
        monkeypatch.setattr("callsheet.run.digests.SMALL", 0)
    run_trainer("sft", *QUIET, rows=ROWS)
    session = run_trainer("sft", *QUIET, "trainer.args.max_steps=3", rows=rows)

    events = [row for row in session.run_dir.rows("events.jsonl") if row["event"] == "other_rows"]
    warning = "The rows to train on are not those that checkpoint-2 was saved with "
    assert caplog.text.count(warning) == len(events) == (said is not None) and (said or "") in caplog.text
    assert session.result.step == 3 and about(session)["data"]["train"]["rows"] == len(rows)


def test_a_branch_and_a_new_run_have_nothing_to_compare_with(run_trainer, caplog):
    first = run_trainer("sft", *QUIET, rows=ROWS).run_dir.path
    branch = (f"resume={first}/checkpoint-2", "branch=true", "trainer.args.max_steps=3")
    run_trainer("sft", *QUIET, *branch, rows=ANOTHER, output_dir="branch")
    assert "not those that" not in caplog.text


class Held(torch.utils.data.Dataset):
    """A data set of torch's own kind, with an attribute that `datasets` has for something else."""

    def __init__(self, rows):
        self.data = rows

    def __len__(self):
        return len(self.data)

    def __getitem__(self, place):
        return self.data[place]


@pytest.mark.parametrize("kind", ["datasets", "torch"])
def test_a_scripts_trainer_is_compared_too(tmp_path, caplog, kind):
    from datasets import Dataset

    def trained(lengths, steps, again):
        rows = [{"input_ids": [5] * length, "labels": [5] * length} for length in lengths]
        args = TrainingArguments(
            str(tmp_path / "run"), max_steps=steps, save_steps=2, use_cpu=True, report_to="none",
            per_device_train_batch_size=1, disable_tqdm=True, remove_unused_columns=False,
        )  # fmt: skip
        made = Dataset.from_list(rows) if kind == "datasets" else Held(rows)
        trainer = Trainer(AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(DEMO)), args, train_dataset=made)
        callsheet.attach(trainer, "csv_metrics")
        trainer.train(resume_from_checkpoint=again)
        return json.loads((tmp_path / "run" / "run.json").read_text())["data"]["train"]

    first = trained([2, 3, 4], 2, False)
    assert first["rows"] == 3 and bool(first["digest"]) is (kind == "datasets")
    assert trained([2, 3, 4], 3, True) == first and "not those that" not in caplog.text
    trained([2, 3, 5], 4, True)
    assert ("(as many, and others or in another order)" in caplog.text) is (kind == "datasets")
    trained([2, 3], 5, True)
    assert "(2 in place of 3)" in caplog.text


def test_the_card_says_where_the_model_comes_from_and_nowhere_none(run_demo):
    card = (run_demo(*QUIET).run_dir.path / "README.md").read_text()
    assert "This model was trained from random weights" in card and "None" not in card
