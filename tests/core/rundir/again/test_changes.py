"""What may change when a run resumes: one table, and the documentation prints it."""

import pytest

from callsheet.config.schema import defaults
from callsheet.rundir.again.changes import FILES, NO, RULES, SAID, YES, Difference, differences


def verdicts(name):
    rule = Difference(name, 1, 2).rule
    return rule.resume, rule.branch


@pytest.mark.parametrize(
    ("name", "resume", "branch"),
    [
        ("output_dir", YES, YES),
        ("plugins.bema.update_freq", YES, YES),
        ("callbacks.early.path", YES, YES),
        ("finish.evaluate", YES, YES),
        ("launch.name", FILES, FILES),
        ("launch.processes", FILES, FILES),
        ("launch.threads", YES, YES),
        ("dataset.eval_path", YES, YES),
        ("dataset.eval.easy", YES, YES),
        ("trainer.args.max_steps", SAID, SAID),
        ("trainer.args.ignore_data_skip", SAID, SAID),
        *((f"trainer.args.{name}", YES, YES) for name in ("report_to", "save_steps", "logging_steps", "hub_model_id")),
        *((f"trainer.args.{name}", YES, YES) for name in ("metric_for_best_model", "per_device_eval_batch_size")),
        *((f"trainer.args.{name}", YES, YES) for name in ("dataloader_num_workers", "gradient_checkpointing")),
        ("trainer.args.vllm_server_base_url", YES, YES),
        ("trainer.args.vllm_importance_sampling_cap", NO, YES),
        *((f"trainer.args.{name}", NO, YES) for name in ("learning_rate", "seed", "per_device_train_batch_size")),
        *((f"trainer.args.{name}", NO, YES) for name in ("metrics", "dataloaders", "dataloader_drop_last", "bf16")),
        ("trainer.args.optim", NO, NO),
        ("trainer.args.optim_args", NO, NO),
        ("trainer.rewards[0].path", NO, YES),
        ("trainer.name", NO, NO),
        ("peft.args.r", NO, NO),
        ("model.path", NO, YES),
        ("dataset.path", NO, YES),
        ("dataset.mixture[1].weight", NO, YES),
    ],
)
def test_a_setting_may_change_as_its_row_says(name, resume, branch):
    assert verdicts(name) == (resume, branch)


def test_workers_may_change_where_they_do_not_decide_which_row_comes_next():
    def rules(streaming):
        before, now = (
            {"dataset": {"streaming": streaming}, "trainer": {"args": {"dataloader_num_workers": n}}} for n in (0, 2)
        )
        return [(one.rule.resume, one.rule.branch) for one in differences(before, now)]

    assert rules(False) == [(YES, YES)] and rules(True) == [(NO, YES)]


def test_every_setting_of_the_schema_has_a_row_before_the_last_one():
    assert [name for name in defaults() if Difference(name, 1, 2).rule is RULES[-1]] == []


def test_differences_are_named_as_they_are_typed():
    before = {"trainer": {"args": {"lr": 1}}, "dataset": {"mixture": [{"path": "a", "weight": 1.0}]}}
    now = {"trainer": {"args": {"lr": 2}}, "dataset": {"mixture": [{"path": "b", "weight": 1.0}]}}
    assert [*map(str, differences(before, now))] == [
        "dataset.mixture[0].path is 'a' there and 'b' here",
        "trainer.args.lr is 1 there and 2 here",
    ]


def test_a_number_is_the_same_as_text():
    assert not [*differences({"lr": "1e-4"}, {"lr": 0.0001})]
    assert [*differences({"lr": "1e-4"}, {"lr": 0.0002})]
    assert [*differences({"bf16": True}, {"bf16": "yes"})]


def test_a_setting_that_an_earlier_callsheet_did_not_have_had_its_default():
    now = {"model": {"path": "m"}, "dataset": {"mixture": [{"path": "a", "split": "train"}]}, "branch": False}
    before = {"model": {"path": "m"}, "dataset": {"mixture": [{"path": "a"}]}}
    assert not [*differences(before, now, defaults())]
    now["dataset"]["mixture"][0]["split"] = "test"
    assert [one.name for one in differences(before, now, defaults())] == ["dataset.mixture[0].split"]
