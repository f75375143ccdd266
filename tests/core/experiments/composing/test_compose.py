"""Arms are composed and checked before the first one begins."""

import pytest

from callsheet.config.compose import compose
from callsheet.config.experiment import ExperimentSettings, HalvingSettings, SearchSettings
from callsheet.errors import CallsheetError
from callsheet.experiments.composing.compose import composed, plugins_of
from callsheet.experiments.expanding.expand import arms_of

DEMO = ["recipe=demo", "plugins=[exact_match]", "trainer.args.max_steps=4"]


def made(common=(), **settings):
    asked = ExperimentSettings(name="x", **settings)
    return composed(arms_of(asked), asked, [*DEMO, *common])


def refusal(common=(), **settings):
    with pytest.raises(CallsheetError) as refused:
        made(common, **settings)
    return str(refused.value)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["trainer.args.learning_rate=1e-5", "trainer.args.lr_scheduler_kwargs={a: 1}"],
        ["peft=lora", "peft.args.r=8"],
        ["+plugins=bema", "plugins.bema.update_freq=3"],
        ["~plugins=exact_match"],
        ["plugins=[csv_metrics]"],
        ["dataset.eval={hard: a.jsonl}", "model.kwargs.a=1", "launch=ddp", "launch.processes=2"],
        ["trainer.args.run_name=${experiment}-${trainer.args.seed}", "trainer.args.seed=4"],
        ["plugins.exact_match={limit: 3}", "callbacks.x.path=pkg.Class"],
        ["~trainer.args.max_length", "finish={evaluate: true}"],
    ],
)
def test_an_arm_is_what_hydra_composes_from_all_its_overrides(overrides, tmp_path):
    from callsheet.experiments.composing.bases import Bases

    common = [*DEMO, "experiment=x", "output_dir=out"]

    assert Bases(common).composed(overrides) == compose([*common, *overrides])


def test_options_are_composed_once_for_each_choice():
    from callsheet.experiments.composing.bases import Bases

    asked = []
    bases = Bases(DEMO, lambda overrides: asked.append(overrides) or compose(overrides))
    for rate in range(5):
        bases.composed([f"trainer.args.learning_rate={rate}"])
        bases.composed(["peft=lora", f"trainer.args.learning_rate={rate}"])

    assert asked == [DEMO, [*DEMO, "peft=lora"]]


def test_one_arm_changes_nothing_for_the_next():
    arms = made(arms={"a": "trainer.args.warmup_steps=3", "b": "model.kwargs.x=1", "c": "trainer.args.seed=5"})

    assert "x" not in arms["c"].config.model.kwargs
    assert arms["c"].plan.trainer.args["warmup_steps"] == 50


def test_each_arm_has_a_digest_and_what_it_differs_in(tmp_path):
    arms = made(arms={"a": None, "b": ["peft=lora", "peft.args.r=8"]}, repeats=2)

    assert len({arm.digest for arm in arms.values()}) == 4
    assert arms["b__s1"].differs == {"peft": "lora", "peft.args.r": "8", "trainer.args.seed": "1"}
    again = made(["output_dir=elsewhere", "experiment=other"], arms={"a": None}, repeats=2)
    assert again["a__s0"].digest == arms["a__s0"].digest


def test_an_arm_keeps_no_configuration_of_its_own():
    kept = vars(made(arms={"a": "trainer.args.seed=3"})["a"])

    assert set(kept) == {"arm", "report", "digest", "plugins", "dataset", "bases", "overrides"}


def test_the_folder_of_the_experiment_holds_each_arm(tmp_path):
    asked = ExperimentSettings(name="x", arms={"a": None})

    arms = composed(arms_of(asked), asked, DEMO, folder=tmp_path / "my x")

    assert arms["a"].plan.run_dir == tmp_path / "my x" / "a"


def test_an_arm_that_is_checked_afresh_is_held_against_no_run_that_is_there(tmp_path):
    asked = ExperimentSettings(name="x", arms={"a": None})
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run.json").write_text("{")
    with pytest.raises(CallsheetError, match="run.json"):
        composed(arms_of(asked), asked, DEMO, folder=tmp_path)

    arms = composed(arms_of(asked), asked, DEMO, folder=tmp_path, afresh=True)

    assert arms["a"].plan.run_dir == tmp_path / "a"


def test_plugins_are_made_anew_with_the_settings_of_the_first_arm_that_selects_them():
    arms = made(arms={"a": None, "b": ["+plugins=bema", "plugins.bema.lag=3"], "c": ["+plugins=bema"]})

    plugins = plugins_of(arms)

    assert (list(plugins), plugins["bema"].lag) == (["exact_match", "bema"], 3)
    assert plugins["bema"] is not arms["b"].plan.plugins["bema"]


def test_what_is_wrong_with_one_arm_is_said_with_its_name():
    said = refusal(arms={"plain": None, "big": "trainer.args.learning_rat=1", "lora": "peft=lroa"})

    assert said.startswith("arm 'big': trl.SFTConfig has no argument 'learning_rat'.")
    assert "\narm 'lora': peft has no option 'lroa'. Did you mean 'lora'?" in said


def test_what_is_wrong_with_all_runs_of_an_arm_is_said_once():
    said = refusal(arms={"plain": None, "big": "trainer.args.max_steps=-7"}, repeats=3)

    assert said.count("arm 'big'") == 1 and "__s" not in said


def test_what_is_wrong_with_all_arms_is_said_once_and_names_none():
    said = refusal(["dataset.path=gone.jsonl"], arms={"plain": None, "big": "peft=lora"})

    assert said.count("gone.jsonl") == 1 and "arm" not in said


def test_a_long_list_ends():
    said = refusal(arms={f"a{number}": f"trainer.args.no_{number}=1" for number in range(20)})

    assert len(said.splitlines()) == 9 and said.endswith("And 12 more.")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"arms": {"a": None, "b": "trainer.args.max_steps=4"}},
            "The arms 'a' and 'b' compose to the same run.",
        ),
        ({"arms": {"a": None, "b": "trainer.args.max_steps=4"}, "repeats": 3}, "The arms 'a' and 'b' compose"),
        ({"arms": {"a": None}, "stages": {"one": None, "two": "trainer.args.max_steps=9"}}, "train on the same data"),
        ({"arms": {"a": "trainer.args.seed={}"}}, "arm"),
        ({"arms": {"a": None}, "success_metric": "tset.exact_match"}, "Did you mean 'test'? Benchmarks: test."),
        (
            {"arms": {"a": None}, "success_metric": "test.exact_mach"},
            "'test' has no metric 'exact_mach'. Did you mean 'test.exact_match'? It has: exact_match.",
        ),
        ({"arms": {"a": None}, "success_metric": "test.pass@1"}, None),
        ({"arms": {"a": None}, "success_metric": "eval_los"}, "no trainer reports it. Did you mean 'eval_loss'?"),
        ({"arms": {"a": None}, "success_metric": "eval_b_loss"}, None),
        ({"arms": {"a": None}, "success_metric": "test"}, "is a benchmark: add the metric"),
        ({"arms": {"a": None}, "success_metric": "eval_loss"}, None),
        ({"arms": {"a": "trainer.args.eval_strategy=no"}, "success_metric": "eval_loss"}, "nothing is evaluated"),
        ({"arms": {"a": None, "b": "plugins=[]"}, "success_metric": "test.exact_match"}, "arm 'b': experiment.success"),
        ({"arms": {"a": None}, "benchmarks": ["test"]}, None),
        (
            {"arms": {"a": None}, "benchmarks": ["gsm8k"]},
            "experiment.benchmarks names 'gsm8k', and no plugin scores it",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(settings, said):
    if said is None:
        assert made(**settings)
    else:
        assert said in refusal(**settings)


def test_no_data_to_evaluate_on():
    said = refusal(
        ["dataset.eval_path=null", "trainer.args.eval_strategy=no"], arms={"a": None}, success_metric="eval_loss"
    )

    assert "there are no data to evaluate on" in said


def test_a_seed_for_all_arms_is_refused_where_repeats_set_it():
    said = refusal(["trainer.args.seed=3"], arms={"a": None}, repeats=2)

    assert "The command sets 'trainer.args.seed=3', but repeats give every arm the same seeds" in said


def test_stages_on_different_data_are_a_chain():
    arms = made(arms={"a": None}, stages={"one": None, "two": "dataset.split=train[:50%]"})

    assert list(arms) == ["a__one", "a__two"]


def searched(space, **settings):
    search = SearchSettings(space=space, trials=3, **settings)
    return {"search": search, "success_metric": "eval_loss", "direction": "minimize"}


def test_trials_are_composed_with_the_first_values_and_have_none_of_their_own():
    found = made(**searched({"trainer.args.learning_rate": {"low": 1e-5, "high": 1e-2}, "peft": ["none", "lora"]}))

    assert [*found] == ["trial-0", "trial-1", "trial-2"]
    assert {one.arm.trial for one in found.values()} == {0, 1, 2}
    assert all(one.differs == {} and one.config.trainer.args.learning_rate == 1e-5 for one in found.values())


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"trainer.args.learning_rat": {"low": 1e-5, "high": 1e-2}}, "learning_rat"),
        ({"peft": ["none", "lara"]}, "arm 'its last values': "),
        ({"trainer.args.max_steps": ["many", 5]}, "arm 'the first values of the search': "),
        ({"trainer.args.max_steps": []}, "experiment.search.space.trainer.args.max_steps has no choices"),
    ],
)
def test_an_axis_that_no_run_takes_is_refused_before_the_first(space, said):
    assert said in refusal(**searched(space))


def test_every_arm_is_checked_with_the_plugin_that_halves():
    halving = {"search": SearchSettings(halving=HalvingSettings(min_steps=9)), "success_metric": "eval_loss"}
    found = made(arms={"a": [], "b": ["trainer.args.learning_rate=1"]}, direction="minimize", **halving)

    assert [one.plan.plugins["halving"].min_steps for one in found.values()] == [9, 9]
    assert "min_steps=9 stops nobody: the run takes 4 steps" in " ".join(found["a"].report.warnings)
