"""Whether a run directory is free, or holds the very run that is to go on there."""

import pytest

from callsheet.rundir.reuse import differences


def sections(**args):
    return {"trainer": {"name": "sft", "args": {"learning_rate": 1e-4, **args}}, "model": {"path": "m"}}


@pytest.mark.parametrize(
    "name",
    [
        *("max_steps", "num_train_epochs", "report_to", "run_name", "disable_tqdm"),
        *("save_steps", "logging_steps", "eval_steps", "log_level", "hub_model_id"),
        *("dataloader_num_workers", "metric_for_best_model", "greater_is_better", "load_best_model_at_end"),
    ],
)
def test_what_a_run_tells_and_how_long_it_is_may_change(name):
    assert not list(differences(sections(**{name: "before"}), sections(**{name: "now"})))


@pytest.mark.parametrize("name", ["learning_rate", "seed", "per_device_train_batch_size", "metrics", "dataloaders"])
def test_what_a_run_learns_from_may_not_change(name):
    assert list(differences(sections(**{name: 1}), sections(**{name: 2}))) == [(f"trainer.args.{name}", 1, 2)]


def test_another_model_is_another_run():
    assert list(differences({"model": {"path": "a"}}, {"model": {"path": "b"}})) == [("model.path", "a", "b")]
