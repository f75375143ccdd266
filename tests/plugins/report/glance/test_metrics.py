"""Which metric a run goes by, and its last and best value."""

import json
import math

import pytest

from callsheet_plugins.report.glance.metrics import Logged, Value, goes_by, is_greater_better
from callsheet_plugins.report.glance.tails import Tail


def logged(*rows, torn=""):
    return Logged(Tail("".join(f"{json.dumps(row)}\n" for row in rows).encode() + torn.encode()))


EVALUATED = [{"step": step, "split": "eval", "eval_loss": loss} for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0))]


def test_the_last_value_is_that_of_the_last_row_that_has_it():
    found = logged(*EVALUATED, {"step": 4, "split": "train", "loss": 9.0}, torn='{"step": 5, "eval_loss": 7')
    assert found.last("eval_loss") == Value(3, 2.0) and found.last("loss") == Value(4, 9.0)
    assert found.last("eval") is None and found.names == ["eval_loss", "loss"]


def test_a_loss_that_is_no_number_is_nan_and_never_the_best():
    found = logged(*EVALUATED, {"step": 4, "split": "eval", "eval_loss": None})
    last = found.last("eval_loss")
    assert last and last.step == 4 and math.isnan(last.value)
    assert found.best("eval_loss", False) == Value(2, 1.0) and found.best("eval_loss", True) == Value(1, 3.0)


def test_of_a_step_that_was_repeated_the_last_value_counts():
    assert logged(*EVALUATED, {"step": 2, "split": "eval", "eval_loss": 8.0}).best("eval_loss", False) == Value(3, 2.0)


@pytest.mark.parametrize(
    ("names", "named", "expected"),
    [
        (["loss"], None, "loss"),
        (["loss", "eval_loss"], None, "eval_loss"),
        (["loss", "reward"], None, "reward"),
        (["loss", "eval_loss", "eval_accuracy"], "accuracy", "eval_accuracy"),
        (["loss", "eval_loss", "eval_accuracy"], "eval_accuracy", "eval_accuracy"),
        (["loss", "eval_loss"], "gone", "eval_loss"),
        (["eval_hard_loss"], None, "eval_hard_loss"),
        ([], None, ""),
    ],
)
def test_a_run_goes_by_its_trainers_metric_or_by_the_first_usual_one(names, named, expected):
    run = {"trainer_args": {"metric_for_best_model": named}}
    assert goes_by(run, logged(*({"step": 1, name: 1.0} for name in names))) == expected


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("eval_loss", {}, False),
        ("eval_mean_token_accuracy", {}, True),
        ("learning_rate", {}, None),
        ("eval_odd", {"metric_for_best_model": "odd", "greater_is_better": False}, False),
        ("eval_odd", {"metric_for_best_model": "eval_odd", "greater_is_better": None}, True),
        ("eval_kl", {}, False),
    ],
)
def test_what_is_better_is_what_the_trainer_says_or_the_name(name, args, expected):
    assert is_greater_better({"trainer_args": args}, name) is expected
