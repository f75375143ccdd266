"""Whether a run directory is free, or holds the very run that is to go on there."""

import pytest

from callsheet import CallsheetError
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


QUIET = "plugins=[]"


def test_another_learning_rate_is_another_run(run_demo):
    run_demo(QUIET)
    with pytest.raises(CallsheetError, match=r"holds another run: trainer.args.learning_rate is '?0?.?0?0?3e?-?3?'?"):
        run_demo(QUIET, "trainer.args.learning_rate=0.5")
    run_demo(QUIET, "trainer.args.max_steps=6", "trainer.args.logging_steps=3")


def test_a_run_killed_while_it_started_does_not_block_its_directory(run_demo, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("")
    (tmp_path / "run" / "slurm-17.out").write_text("")
    assert run_demo(QUIET).result.status == "completed"
