import pytest

from callsheet_plugins.report.figures.lines.names import Named, higher_is_better, is_housekeeping, named, rank

PLUGINS = ("bema", "progress")


@pytest.mark.parametrize(
    ("split", "name", "expected"),
    [
        ("train", "loss", Named("loss", "train")),
        ("eval", "eval_loss", Named("loss", "eval")),
        ("long", "eval_long_loss", Named("loss", "long")),
        ("bema", "eval_bema_loss", Named("loss", "eval", "bema")),
        ("eval", "eval_bema_loss", Named("loss", "eval", "bema")),
        ("bema_long", "eval_bema_long_loss", Named("loss", "long", "bema")),
        ("train", "rewards/exact/mean", Named("rewards/mean", "exact")),
        ("train", "rewards/chosen", Named("rewards", "chosen")),
        ("eval", "eval_rewards/rejected", Named("rewards", "rejected (eval)")),
        ("eval", "eval_", Named("eval_", "eval")),
        ("eval", "odd", Named("odd", "eval")),
    ],
)
def test_a_name_is_taken_apart(split, name, expected):
    assert named(split, name, PLUGINS) == expected


def test_what_was_averaged_says_so():
    assert named("bema", "eval_bema_loss", PLUGINS).line == "eval (averaged by bema)"


def test_losses_come_first_and_housekeeping_last():
    names = ["learning_rate", "zeta", "reward", "kl", "loss", "grad_norm"]
    assert sorted(names, key=rank) == ["loss", "reward", "kl", "zeta", "grad_norm", "learning_rate"]


def test_the_metric_of_the_best_checkpoint_comes_after_the_loss():
    names = ["reward", "a_loss", "loss", "mine"]
    assert sorted(names, key=lambda name: rank(name, "mine")) == ["loss", "mine", "a_loss", "reward"]


@pytest.mark.parametrize("name", ["learning_rate", "samples_per_second", "train_runtime", "num_tokens"])
def test_what_says_how_the_run_ran_is_housekeeping(name):
    assert is_housekeeping(name)


def test_of_rewards_the_higher_is_better():
    assert higher_is_better("rewards/mean")
    assert not higher_is_better("loss")
