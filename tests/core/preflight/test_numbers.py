"""Numbers out of reason are refused wherever they stand."""

import pytest


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["trainer.args.save_steps=nan"], "trainer.args.save_steps must be a number, got nan."),
        (["plugins.early_stopping.target=nan"], "plugins.early_stopping.target must be a number, got nan."),
        (["plugins.early_stopping.target=inf"], "plugins.early_stopping.target must be a finite number, got inf."),
        (["plugins.bema.update_freq=99999999999999999999"], "plugins.bema.update_freq must be below 2 to the power of 63"),
        (["outbox.longest_delay_seconds=inf"], "outbox.longest_delay_seconds must be a finite number, got inf."),
        (["dataset.seed=99999999999999999999"], "dataset.seed must be below 2 to the power of 63"),
        (["peft=lora", "peft.args.r=-3"], "peft.args.r must be at least 1, got -3."),
        (["peft=lora", "peft.args.lora_dropout=1.5"], "peft.args.lora_dropout must be at least 0 and less than 1, got 1.5."),
        (["callbacks.x.path=a.B", "callbacks.x.y=nan"], "callbacks.x.y must be a number, got nan."),
        (["model.kwargs.scale=nan"], "model.kwargs.scale must be a number, got nan."),
        (["launch=ddp", "launch.processes=100000"], "launch.processes must be at least 1 and at most 4096, got 100000."),
        (["launch.threads=99999999999"], "launch.threads must be at least 1 and at most 4096"),
        (["dataset.test_split_size=inf"], "dataset.test_split_size must be a finite number, got inf."),
        (["trainer.args.max_steps=1e400"], "trainer.args.max_steps must be a whole number, got inf."),
    ],
)  # fmt: skip
def test_check_refuses_it(callsheet, overrides, said):
    done = callsheet("check", "recipe=demo", *overrides)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count(said[:40]) == 1, done.stderr


def test_waiting_for_ever_is_a_wish(callsheet):
    assert callsheet("check", "recipe=demo", "outbox.deadline_seconds=inf").returncode == 0


def test_a_plugin_may_be_infinite_by_default():
    from dataclasses import replace

    from callsheet import Plugin, setting
    from callsheet.config.compose import compose
    from callsheet.config.plan import make_plan
    from callsheet.preflight.numbers import impossible, problems

    class Best(Plugin):
        best: float = setting(float("inf"))
        worst: float = setting(0.0)

    plan = make_plan(compose(["recipe=demo", "plugins=[]"]))
    for value, said in ((0.0, []), (float("inf"), ["plugins.best.worst must be a finite number, got inf."])):
        composed = {**plan.composed, "plugins": {"best": {"best": float("inf"), "worst": value}}}
        asked = replace(plan, plugins={"best": Best(worst=value)}, composed=composed)
        assert impossible(asked, problems(asked)) == said
