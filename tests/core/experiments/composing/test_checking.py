"""`callsheet check experiment=NAME` looks at every arm."""

import pytest

from callsheet.cli.hydra_app import run_app
from callsheet.cli.tasks import check_composed
from callsheet.errors import CallsheetError

FILE = "defaults: [override /recipe: demo, override /plugins: [exact_match]]\n"


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(text, *overrides):
        (tmp_path / "mine.yaml").write_text(FILE + text)
        run_app("check", check_composed, ["experiment=mine.yaml", *overrides])
        return capsys.readouterr()

    return run


def test_it_says_how_many_arms_there_are_and_where_they_would_lie(check, tmp_path):
    said = check("arms: {plain: [], averaged: [+plugins=bema]}\nrepeats: 2\n")

    assert "Experiment mine: 4 arms (plain, averaged, each with 2 seeds). Plugins: exact_match, bema." in said.out
    assert said.out.rstrip().endswith(f"Directory: {tmp_path}/outputs/mine")
    assert not (tmp_path / "outputs").exists()


def test_a_warning_names_the_arms_that_it_is_about(check):
    said = check("arms: {plain: [], averaged: [+plugins=bema, trainer.args.max_steps=9]}\n")

    assert "warning: arm 'averaged': bema will save no average" in said.err


def test_what_is_wrong_is_said_with_its_file_and_line(check):
    with pytest.raises(CallsheetError) as refused:
        check("arms:\n  plain: []\n  big:\n    trainer.args.max_stps: 3\n")

    assert "arm 'big': trl.SFTConfig has no argument 'max_stps'. Did you mean 'max_steps'?" in str(refused.value)
    assert "(Set in mine.yaml:4.)" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arms: {a: []}\nrepeats: 0\n", "experiment.repeats must be at least 1, got 0. (Set in mine.yaml:3.)"),
        ("matrix:\n  trainer.args.seed: []\n", "experiment.matrix.trainer.args.seed is empty"),
        ("arms:\n  a: [trainer.args.seed=3]\n  b: []\nrepeats: 2\n", "(Set in mine.yaml:3.)"),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_file_and_line(check, text, said):
    with pytest.raises(CallsheetError) as refused:
        check(text)

    assert said in str(refused.value) and "(Set in mine.yaml:3.)" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arms:\n  null: []\n", "mine.yaml:3: experiment.arms has the key null, which YAML takes for no name"),
        ("arms:\n  yes: []\n", "mine.yaml:3: experiment.arms has the key yes, which YAML takes for no name"),
        ("arms: 3\n", "experiment.arms: it takes values by name, as in {name: value}. (In mine.yaml:2.)"),
        ("arms:\n", "experiment.arms: it is empty. Give it a value, or leave it out. (In mine.yaml:2.)"),
        ("benchmarks: test\n", "experiment.benchmarks: it takes a list, as in [value]. (In mine.yaml:2.)"),
        (
            "benchmarks: {a: 1}\n",
            "mine.yaml:2: experiment.benchmarks takes a list, as in benchmarks: [value], and no values",
        ),
        ("overrides: {seed: 1}\n", "mine.yaml:2: experiment.overrides takes a list, as in overrides: [value], and no"),
        ("arms: {a: []}\noverrides: [{trainr.args.seed: 3}]\n", "no setting 'trainr'. Did you mean 'trainer'?"),
        ("hypothesis: [a]\n", "experiment.hypothesis: it takes a text, and no list. (In mine.yaml:2.)"),
        ("name: {a: b}\n", "experiment.name: it takes a text, and no values by name. (In mine.yaml:2.)"),
        ("matrix: {a.b: [1], excludes: [{a.b: 1}]}\n", "Did you mean 'exclude'? (Set in mine.yaml:2.)"),
        ("arms: {a: []}\nrepeats: 20000\n", "makes 20,000 arms; 10,000 are the most. Lower experiment.repeats"),
        ("arms: {a: []}\nrepeats: 20000\n", "(Set in mine.yaml:3.)"),
        ("arms: {a: []}\nbase_seed: 4294967296\n", "and at most 2147483647, got 4294967296. (Set in mine.yaml:3.)"),
        ("arms:\n  a: []\n  b: []\n", "Leave one of them out, or give it an override in which it differs. (Set in"),
        ("matrix:\n  trainer.args.learning_rte: [1, 2]\n", "(trainer.args.learning_rte) (Set in mine.yaml:3.)"),
        ("matrix:\n  peft: [none, lorra]\n", "arm 'peft=lorra': peft has no option 'lorra'. Did you mean 'lora'?"),
        ("matrix:\n  peft: [none, lorra]\n", "(Set in mine.yaml:2.)"),
        (
            "success_metric: eval_loss\nsearch: {trials: 2, space: {trainer.args.learning_rte: {low: 0.1, high: 1.0}}}",
            "(trainer.args.learning_rte) (Set in mine.yaml:3.)",
        ),
        (
            "arms:\n  a: []\nstages:\n  x: []\n  y: trainer.args.max_stps=4\n",
            "arm 'a__y': trl.SFTConfig has no argument 'max_stps'. Did you mean 'max_steps'? (trainer.args.max_stps) "
            "(Set in mine.yaml:6.)",
        ),
        (
            "arms:\n  a: trainer.args.max_steps=1,2\n",
            "or list the values below 'matrix:' for an arm with each. (Set in",
        ),
        ("arms:\n  a: trainer.args.max_steps=choice(1,2)\n", "is a sweep: write a single value, or list the values"),
    ],
)
def test_a_mistake_in_the_form_is_said_in_plain_words_with_its_line(check, text, said):
    with pytest.raises(CallsheetError) as refused:
        check(text)

    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_that_holds_a_list_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text("- arms\n")

    with pytest.raises(
        CallsheetError, match=r"other\.yaml:1: A file takes values by name, as in 'arms: \{…\}', and no list"
    ):
        run_app("check", check_composed, ["experiment=other.yaml"])


def test_a_group_that_is_misspelt_in_the_defaults_is_named_with_file_and_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text("arms: {a: []}\ndefaults: [override /recpe: demo]\n")

    with pytest.raises(CallsheetError, match=r"other\.yaml: defaults override 'recpe', .*\. Did you mean 'recipe'\?"):
        run_app("check", check_composed, ["experiment=other.yaml"])


def test_numbers_stay_names(check):
    assert "Experiment mine: 2 arms (1, 2.5)" in check("arms: {1: [], 2.5: [trainer.args.max_steps=4]}\n").out


def test_of_a_file_without_arms_it_says_that_this_is_one_run(check):
    assert check("hypothesis: None yet.\n").out.rstrip().endswith("Its experiment lists no arms, so this is one run.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "overrides:\n  - trainer.args.max_steps=3\n  - trainer.args.max_stps=4\n",
            "'max_steps'? (trainer.args.max_stps) (Set in mine.yaml:5.)",
        ),
        ("overrides: [trainr.args.max_steps=4]\n", "no setting 'trainr'. Did you mean 'trainer'?"),
        ("overrides: [trainr.args.max_steps=4]\n", "(Set in mine.yaml:3.)"),
    ],
)
def test_what_a_file_sets_for_all_arms_is_said_with_its_line(check, text, said):
    with pytest.raises(CallsheetError) as refused:
        check("arms: {a: {overrides: [+plugins=bema], weights: bema}, b: [trainer.args.seed=x]}\n" + text)

    assert said in str(refused.value)


def test_weights_that_no_plugin_of_the_arm_makes_are_refused(check):
    with pytest.raises(CallsheetError, match=r"arm 'a': weights='bma': .* Did you mean 'bema'\?.*Set in mine.yaml:3"):
        check(
            "arms:\n  a: {overrides: [+plugins=bema], weights: bma}\n  b: {overrides: [trainer.args.seed=3], weights: raw}\n"
        )
    assert check("arms:\n  a: {overrides: [+plugins=bema], weights: bema}\n  b: []\n").out


@pytest.mark.parametrize(
    "text",
    [
        "matrix:\n  callbacks.x.api_key: [between-us-only, b]\n",
        "matrix:\n  callbacks.x.api_key: [hf_aB3aB3aB3aB3aB3aB3aB3aB3aB3, b]\n",
        "arms:\n  a: [callbacks.x.api_key=between-us-only]\n  b: []\n",
        "arms: {a: [], b: [trainer.args.seed=3]}\noverrides: [callbacks.x.api_key=between-us-only]\n",
    ],
)
def test_a_secret_of_a_file_is_named_by_its_setting_and_not_by_where_the_arm_would_lie(check, text):
    with pytest.raises(CallsheetError) as refused:
        check(text)

    said = str(refused.value)
    assert "callbacks.x.api_key holds a secret" in said and "write 'callbacks.x.api_key=${oc.env:VARIABLE}'" in said
    assert "mine.yaml:" in said and "output_dir" not in said and "between-us" not in said and "aB3aB3" not in said


def test_it_says_that_the_folder_is_taken(check, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()

    with pytest.raises(CallsheetError, match=r"mine is not empty and holds no experiment, but thesis.tex"):
        check("arms: {a: [], b: [trainer.args.seed=3]}\n", "output_dir=mine")
