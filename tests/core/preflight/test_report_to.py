"""Where a trainer is to report to is known before it is made."""

import pytest
import yaml

from callsheet.preflight import report_to


def test_it_knows_every_name_that_transformers_knows():
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    assert report_to.NEEDS.keys() == INTEGRATION_TO_CALLBACK.keys()


@pytest.mark.parametrize("value", [None, "none", "all", [], ["none"], ["all"], "kubeflow"])
def test_what_needs_no_package_is_fine(value):
    assert report_to.problems(value) == []


def test_one_of_two_packages_is_enough(tmp_path, monkeypatch):
    monkeypatch.setitem(report_to.NEEDS, "tensorboard", ("callsheet_has_none", "callsheet_has_one"))
    assert "pip install callsheet_has_none" in report_to.problems("tensorboard")[0]
    (tmp_path / "callsheet_has_one.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert report_to.problems("tensorboard") == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("wndb", "Did you mean 'wandb'?"),
        ("[clearml,none]", "report_to=none is unknown"),
        ("clearml", "pip install clearml"),
    ],
)
def test_a_wrong_name_and_a_missing_package_are_refused_by_check(callsheet, value, said):
    done = callsheet("check", "recipe=demo", f"trainer.args.report_to={value}")
    assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr
    assert report_to.problems(yaml.safe_load(value))
