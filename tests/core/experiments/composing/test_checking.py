"""`callsheet check experiment=NAME` looks at every arm."""

import pytest

from callsheet.cli.hydra_app import run_app
from callsheet.cli.main import _check
from callsheet.errors import CallsheetError

FILE = "defaults: [override /recipe: demo, override /plugins: [exact_match]]\n"


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(text, *overrides):
        (tmp_path / "mine.yaml").write_text(FILE + text)
        run_app("check", _check, ["experiment=mine.yaml", *overrides])
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
