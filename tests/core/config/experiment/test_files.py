import pytest

from callsheet.config.compose import compose
from callsheet.config.experiment.files import key_in, meant_in, named_by
from callsheet.errors import CallsheetError


def test_a_text_is_the_name():
    assert named_by({"experiment": "x"}) == {"experiment": {"name": "x"}}
    assert named_by({"experiment": {"name": "x"}}) == {"experiment": {"name": "x"}}
    assert named_by({"a": 1}) == {"a": 1}


def test_the_name_is_meant_everywhere_in_a_file():
    assert meant_in({"a": ["${experiment}-${x:${experiment}}"], "b": "${experiment.name}"}) == {
        "a": ["${experiment.name}-${x:${experiment.name}}"],
        "b": "${experiment.name}",
    }


def test_the_keys_of_a_file_are_those_of_the_section_unless_it_says_otherwise():
    assert key_in("experiment/x", "arms: {}", "arms") == "experiment.arms"
    assert key_in("experiment//tmp/x", "# a remark\n\narms: {}", "arms") == "experiment.arms"
    assert key_in("experiment/x", "# a remark\n# @package _global_\n", "trainer") == "trainer"
    assert key_in("recipe/x", "trainer: {}", "trainer") == "trainer"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("arms: {a: [], a: []}", "line 2: found duplicate key a"),
        ("arms: {off: []}", "has the key off, which YAML takes for no name"),
        ("arms: [a]", "mine.yaml:2: experiment.arms takes values by name"),
        ("amrs: {a: []}", "experiment has no setting 'amrs'. Did you mean 'arms'?"),
        ("trainer: {args: {x: 1}}", "experiment.trainer is no setting of an experiment. Write it in 'overrides:'"),
        ("repeats: many", "experiment.repeats: Value 'many'"),
        ("defaults: [mine]", "includes itself by its defaults"),
        ("defaults: [its_base]", "its_base"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_its_name(tmp_path, written, said):
    file = tmp_path / "mine.yaml"
    file.write_text(f"# an experiment\n{written}\n")

    with pytest.raises(CallsheetError) as refused:
        compose(["recipe=demo", f"experiment={file}"])

    assert said in str(refused.value) and "mine" in str(refused.value)


def test_a_number_is_the_name_that_it_looks_like(tmp_path):
    (tmp_path / "mine.yaml").write_text("arms: {8: [peft.args.r=8], 1e-3: []}\n")

    assert [*compose(["recipe=demo", f"experiment={tmp_path}/mine.yaml"]).experiment.arms] == ["8", "0.001"]


def test_a_recipe_that_names_its_experiment_by_a_text_stays_right():
    config = compose(["recipe=demo", "trainer.args.run_name=${experiment}-1"])

    assert (config.experiment.name, config.trainer.args.run_name) == ("demo", "demo-1")
