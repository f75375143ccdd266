"""An evaluation that only a plugin asked for leaves the training as it is."""

from __future__ import annotations

import json
from typing import Any

from callsheet import LoopState, Plugin, hookimpl

EVERY_THREE = ("trainer.args.eval_steps=3", "trainer.args.metric_for_best_model=eval_loss")


class Asks(Plugin):
    """Asks for an evaluation after each step, and once more after each evaluation."""

    ranks = "all"

    @hookimpl
    def on_step_end(self, state: LoopState) -> None:
        state.request_eval("to see")

    @hookimpl
    def on_eval(self, state: LoopState) -> None:
        state.request_eval("to see again")


def test_it_draws_no_random_number_and_leaves_the_mode(observes_only: Any) -> None:
    observes_only(Asks())


def test_it_leaves_the_first_seed_of_lasting_workers_to_the_trainer(observes_only: Any) -> None:
    lasting = ("trainer.args.dataloader_num_workers=1", "trainer.args.dataloader_persistent_workers=true")
    observes_only(Asks(), *lasting)


def test_it_steps_no_scheduler_that_goes_by_evaluations(observes_only: Any) -> None:
    plateau = (
        "trainer.args.lr_scheduler_type=reduce_lr_on_plateau",
        "+trainer.args.lr_scheduler_kwargs={patience: 0, threshold: 10.0}",
    )
    observes_only(Asks(), *EVERY_THREE, *plateau)


def test_it_counts_for_no_best_checkpoint(run_demo: Any) -> None:
    falling = ("trainer.args.greater_is_better=true", "trainer.args.learning_rate=1e-2", "trainer.args.warmup_steps=0")
    best = (*EVERY_THREE, "trainer.args.save_steps=3", "trainer.args.max_steps=6", *falling)  # so the first one is
    states = []
    for name, plugins in (("plain", ()), ("asks", (Asks(),))):
        folder = run_demo("plugins=[]", *best, plugins=plugins, output_dir=name).run_dir.path
        states.append(json.loads((folder / "checkpoint-6" / "trainer_state.json").read_text()))
    assert states[0]["best_global_step"] == states[1]["best_global_step"] == 3
    assert states[0]["best_metric"] == states[1]["best_metric"]
    assert len([row for row in states[1]["log_history"] if "eval_loss" in row]) >= 6


def test_it_leaves_the_end_of_an_epoch_to_the_trainer(observes_only: Any) -> None:
    by_epochs = ("trainer.args.eval_strategy=epoch", "dataset.split=train[:12]")  # an epoch is three steps
    observes_only(Asks(), *by_epochs)
