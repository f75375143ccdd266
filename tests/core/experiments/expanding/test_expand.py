import pytest

from callsheet.config.experiment import ExperimentSettings, SearchSettings, SequentialSettings
from callsheet.errors import CallsheetError
from callsheet.experiments.expanding.expand import arms_of, for_all
from callsheet.experiments.expanding.plain import is_plain


def _arms(**settings):
    return arms_of(ExperimentSettings(name="x", **settings))


def _names(**settings):
    return [arm.name for arm in _arms(**settings)]


def _refusal(**settings):
    with pytest.raises(CallsheetError) as refused:
        _arms(**settings)
    return str(refused.value)


def test_an_arm_is_a_list_a_mapping_a_text_or_nothing():
    arms = _arms(arms={"plain": None, "big": ["peft=lora"], "lr": {"trainer": {"args": {"lr": 1e-4}}}, "s": "x=1"})

    assert [(arm.name, arm.overrides) for arm in arms] == [
        ("plain", ()),
        ("big", ("peft=lora",)),
        ("lr", ("trainer.args.lr=0.0001",)),
        ("s", ("x=1",)),
    ]
    assert {arm.group for arm in arms} == {None} and {arm.seed for arm in arms} == {None}


def test_an_arm_may_say_which_weights_are_compared():
    assert [arm.weights for arm in _arms(arms={"a": {"overrides": "+plugins=bema", "weights": "bema"}})] == ["bema"]


def test_repeats_give_all_arms_the_same_seeds_and_a_group_each():
    arms = _arms(arms={"a": None, "b": "x=1"}, repeats=2, base_seed=7)

    assert [(arm.name, arm.group, arm.seed) for arm in arms] == [
        ("a__s7", "a", 7),
        ("b__s7", "b", 7),
        ("a__s8", "a", 8),
        ("b__s8", "b", 8),
    ]
    assert arms[1].overrides == ("x=1", "trainer.args.seed=7")


def test_a_stage_begins_after_the_one_before_with_the_same_seed():
    arms = _arms(arms={"a": None}, repeats=2, stages={"one": "dataset.path=a", "two": "dataset.path=b"})

    assert [(arm.name, arm.after) for arm in arms] == [
        ("a__s0__one", None),
        ("a__s0__two", "a__s0__one"),
        ("a__s1__one", None),
        ("a__s1__two", "a__s1__one"),
    ]


def test_stages_need_no_repeats():
    assert _names(arms={"a": None}, stages={"one": "x=1", "two": "x=2"}) == ["a__one", "a__two"]


def test_a_file_that_lists_no_arm_may_repeat_one():
    assert _names(repeats=2) == ["run__s0", "run__s1"]


def test_a_matrix_multiplies_the_arms():
    names = _names(arms={"a": None, "b": "y=1"}, matrix={"x": [1, 2]})

    assert names == ["a-x=1", "a-x=2", "b-x=1", "b-x=2"]


def test_trials_get_their_overrides_later():
    arms = _arms(arms={"a": None}, search=SearchSettings(space={"x": [1, 2]}, trials=2))

    assert [(arm.name, arm.trial, arm.overrides) for arm in arms] == [
        ("a", None, ()),
        ("trial-0", 0, ()),
        ("trial-1", 1, ()),
    ]


def test_what_was_typed_comes_after_what_the_file_says_for_all():
    assert for_all(ExperimentSettings(overrides=["x=1"]), ["x=2"]) == ["x=1", "x=2"]


def test_a_name_alone_is_a_plain_run():
    assert is_plain(ExperimentSettings(name="x"))
    assert not is_plain(ExperimentSettings(repeats=2))
    assert not is_plain(ExperimentSettings(arms={"a": None}))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "has no arms"),
        ({"arms": {"a": None, "A": None}}, "'a' and 'A'"),
        ({"arms": {"ﬁt": None, "fit": None}}, "two arms are called"),
        ({"arms": {"a": None}, "repeats": 0}, "experiment.repeats must be at least 1, got 0"),
        ({"arms": {"a": None}, "base_seed": -1}, "experiment.base_seed must be at least 0"),
        ({"arms": {"a": "trainer.args.seed=1"}, "repeats": 2}, "experiment.arms.a sets 'trainer.args.seed=1'"),
        ({"arms": {"a": "trainer.args={seed: 1}"}, "repeats": 2}, "experiment.arms.a sets"),
        ({"arms": {"a": "++trainer.args.seed=1"}, "repeats": 2}, "experiment.arms.a sets"),
        ({"arms": {"a": None}, "repeats": 2, "overrides": ["trainer.args.seed=1"]}, "experiment.overrides sets"),
        ({"arms": {"a": None}, "stages": {"one": "x=1"}}, "experiment.stages has one stage, one"),
        ({"arms": {"a": None}, "stages": {"one": "x=1", "One": "x=2"}}, "'one' and 'One'"),
        ({"arms": {"a": None}, "stages": {"one": "x=1", "two": "model.path=y"}}, "experiment.stages.two sets"),
        ({"arms": {"a": None}, "baseline": "b"}, "experiment.baseline='b' is no arm"),
        ({"arms": {"plain": None}, "baseline": "plian"}, "Did you mean 'plain'?"),
        ({"arms": {"a": None}, "direction": "up"}, "experiment.direction must be one of maximize, minimize"),
        ({"arms": {"a": None}, "success_metric": ""}, "experiment.success_metric='' is no metric"),
        ({"arms": {"a": None}, "success_metric": "test."}, "is no metric"),
        ({"arms": {"a": None}, "benchmarks": ["test", "test"]}, "names 'test' twice"),
        ({"arms": {"a": "output_dir=x"}}, "experiment.arms.a sets 'output_dir=x', but each arm lies in a folder"),
        ({"arms": {"a": {"experiment": {"repeats": 3}}}}, "an arm is no experiment"),
        ({"arms": {"a": "hydra/launcher=joblib"}}, "it is typed for the whole command"),
        ({"arms": {"a": "resume=never"}}, "an arm goes on from its own checkpoints"),
        ({"arms": {"a": None}, "overrides": ["experiment.repeats=3"]}, "experiment.overrides sets"),
        ({"matrix": {"output_dir": ["x", "y"]}}, "experiment.matrix sets 'output_dir=x'"),
        ({"arms": {"a": None}, "stages": {"b": "output_dir=x", "c": "x=1"}}, "experiment.stages.b sets"),
        ({"arms": {"a": 5}}, "experiment.arms.a is 5, which is no override"),
        ({"arms": {"a": "x"}}, "experiment.arms.a holds 'x', which is no override"),
        ({"arms": {"a": ["--config-dir=x"]}}, "a flag is typed"),
        ({"arms": {"a": "x=1 y=2"}}, "write a list of them"),
        ({"arms": {"a": {"weights": "bema", "peft": "lora"}}}, "no 'peft'"),
        ({"arms": {"a": {"weights": 3}}}, "experiment.arms.a.weights is 3"),
        ({"arms": {"a": None}, "repeats": 3, "sequential": SequentialSettings(max_repeats=3)}, None),
        ({"arms": {"a": None}, "repeats": 4, "sequential": SequentialSettings(max_repeats=3)}, "max_repeats=3"),
        ({"arms": {str(n): None for n in range(101)}, "repeats": 100}, "makes 10,100 arms"),
        ({"matrix": {f"x{n}": [*range(10)] for n in range(6)}}, "makes 1,000,000 arms"),
        (
            {"arms": {"a": None}, "search": SearchSettings(space={"x": [1]}), "stages": {"b": "x=1", "c": "x=2"}},
            "stages",
        ),
        ({"arms": {"trial-0": None}, "search": SearchSettings(space={"x": [1]})}, "two arms are called 'trial-0'"),
        ({"arms": {"a__s0": None, "a": None}, "repeats": 1}, None),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(settings, said):
    if said is None:
        assert _arms(**settings)
    else:
        assert said in _refusal(**settings)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../a", "a/b", ".a", "-a", "a b", "a\nb", "a$b", "a=[1]", "x" * 200, "arms", "LOGS", "é" * 90],
)
def test_a_name_that_can_be_no_folder_is_refused(name):
    said = _refusal(arms={name: None})

    assert said.startswith("experiment.arms=") and "\n" not in said
