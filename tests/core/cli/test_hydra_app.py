"""What running a Hydra app leaves behind in the process: nothing."""

import os
import sys

import pytest

from callsheet.cli.hydra_app import run_app
from callsheet.errors import CallsheetError


@pytest.fixture(params=[None, "0"])
def full_error(request, monkeypatch):
    if request.param is None:
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    else:
        monkeypatch.setenv("HYDRA_FULL_ERROR", request.param)
    return request.param


def test_the_arguments_and_the_environment_of_the_process_come_back(full_error):
    before, seen = list(sys.argv), []

    def task(config, typed):
        seen.append((sys.argv[0], os.environ["HYDRA_FULL_ERROR"]))
        return 0

    assert run_app("check", task, ["recipe=demo"]) == 0

    assert seen == [("callsheet check", "1")]
    assert sys.argv == before and os.environ.get("HYDRA_FULL_ERROR") == full_error


def test_they_come_back_after_a_mistake_too(full_error):
    before = list(sys.argv)

    with pytest.raises(CallsheetError):
        run_app("check", lambda config, typed: 0, ["recipe=demmo"])

    assert sys.argv == before and os.environ.get("HYDRA_FULL_ERROR") == full_error


@pytest.fixture
def composed(monkeypatch):
    """How often Hydra composes."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    calls, compose = [], ConfigLoaderImpl.load_configuration

    def counted(self, *arguments, **options):
        calls.append(arguments)
        return compose(self, *arguments, **options)

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    return calls


def test_a_command_is_composed_once(composed):
    assert run_app("check", lambda config, typed: 0, ["recipe=demo"]) == 0
    assert len(composed) == 1


@pytest.mark.parametrize(
    "asked", [["--config-dir=.", "recipe=mine"], ["recipe=demo", "hydra.mode=MULTIRUN"]], ids=["a file", "an override"]
)
def test_a_file_or_an_override_may_ask_for_a_sweep(tmp_path, monkeypatch, asked):
    (tmp_path / "recipe").mkdir()
    text = "# @package _global_\ndefaults:\n  - demo\nhydra:\n  mode: MULTIRUN\n"
    (tmp_path / "recipe" / "mine.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    seeds = []

    def task(config, typed):
        seeds.append(config.trainer.args.seed)
        return 0

    run_app("check", task, ["trainer.args.seed=1,2", *asked])
    assert seeds == [1, 2]


def test_every_flag_of_hydra_is_taken():
    from hydra._internal.utils import get_args_parser

    from callsheet.cli.around_hydra.arguments import FLAGS

    assert {*FLAGS} == {flag for flag in get_args_parser()._option_string_actions if flag.startswith("--")}
