"""What Hydra and OmegaConf object to, in words that help here."""

from __future__ import annotations

import pytest
from hydra.errors import HydraException

from callsheet.config.compose import compose
from callsheet.config.hydra_errors import plain, unknown_key
from callsheet.config.plan import make_plan
from callsheet.errors import CallsheetError

MISTAKES = [
    ["trainer.args.max_steps"],
    ["plugins=[bema"],
    ["plugins=[bemo]"],
    ["plugins=[bema]", "plugins.bema.update_frq=3"],
    ["plugins=[bema]", "+plugins.bema.update_frq=3"],
    ["plugins=[bema]", "plugins.bema.update_freq=often"],
    ["plugins.bema.update_freq=3"],
    ["modle.path=x"],
    ["+modle.path=x"],
    ["model.path.deeper=x"],
    ["dataset.columns={a: b}"],
    ["trainer=stf"],
    ["recipe=dmo"],
    ["launch.processes=many"],
    ["~nothing"],
    ["model=tiny"],
]


def refusal(overrides: list[str]) -> str:
    with pytest.raises(CallsheetError) as caught:
        make_plan(compose(overrides), overrides)
    return str(caught.value)


@pytest.mark.parametrize("overrides", MISTAKES, ids=str)
def test_every_mistake_is_one_screen_without_advice_that_would_hide_it(overrides: list[str]) -> None:
    said = refusal(overrides)
    assert said and "use +" not in said and "HYDRA_FULL_ERROR" not in said and "Traceback" not in said
    assert len(said) < 2000 and len(said.splitlines()) <= 5


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["trainer.args.max_steps"], "'trainer.args.max_steps' is no override: write key=value, without spaces"),
        (["model.path=[a"], "cannot be read: "),
        (["experiment.arms.c=[peft=lora]"], "Put each override of an arm into quotes that Hydra sees"),
        (["model=tiny"], "model has no option 'tiny'."),
        (["model=some/where"], "For a file, a folder or a repository: model.path=some/where"),
        (["dataset=my/data"], "For a file, a folder or a repository: dataset.path=my/data"),
        (["trainer=stf"], "trainer has no option 'stf'. Did you mean 'sft'?"),
        (["launch.processes=many"], "launch.processes: Value 'many'"),
        (["launch.processes=many"], "(In launch.processes=many.)"),
    ],
)
def test_the_culprit_and_what_would_be_right_are_named(overrides: list[str], said: str) -> None:
    assert said in refusal(overrides)


def test_an_option_that_does_not_exist_is_told_with_all_that_do() -> None:
    said = refusal(["launch=dpp"])
    assert "Did you mean 'ddp'?" in said and all(name in said for name in ("single", "ddp", "zero2", "zero3", "fsdp2"))


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_our_own_words_win_however_deep_they_lie() -> None:
    ours = CallsheetError("Plugin 'a' is claimed by two.")
    assert plain(raised(HydraException("outer"), raised(ValueError("inner"), ours))) is ours


def test_what_is_nobodys_mistake_comes_back_as_it_is() -> None:
    error = raised(RuntimeError("a fault of the program"), ValueError("its cause"))
    assert plain(error) is error


def test_what_is_no_exception_of_a_program_becomes_one() -> None:
    assert isinstance(plain(KeyboardInterrupt("stopped")), CallsheetError)


def test_hydras_own_error_keeps_its_words_but_not_its_advice() -> None:
    said = plain(HydraException("It cannot be.\nTo append to your config use +a=1\nSo there."))
    assert isinstance(said, CallsheetError) and str(said) == "It cannot be.\nSo there."
    assert str(plain(HydraException("use +a=1"))) == "HydraException", "never nothing at all"


def test_errors_that_cause_each_other_end() -> None:
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__context__, other.__context__ = other, one
    assert plain(one) is one


def test_a_key_of_a_plugin_says_whether_it_is_installed_selected_or_neither() -> None:
    assert unknown_key("plugins.bema", ["csv_metrics"]) == (
        "Plugin 'bema' is not selected, so plugins.bema cannot be set. Selected: csv_metrics."
    )
    said = unknown_key("plugins.bemo", [])
    assert "No plugin named 'bemo' is selected. Did you mean 'bema'?" in said and "Selected: none;" in said
    assert unknown_key("plugins.bema.update_frq", ["update_freq", "device"]) == (
        "Plugin 'bema' has no setting 'update_frq'. Did you mean 'update_freq'? It has: device, update_freq."
    )
    assert unknown_key("modle", ["model"]).startswith("The configuration has no setting 'modle'. Did you mean 'model'?")
