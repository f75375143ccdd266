"""What is known to be wrong before training, and how benchmarks are defined."""

import sys

import pytest

from callsheet import CallsheetError, LogContext, PreflightReport
from callsheet_plugins.benchmarks import Benchmarks, checks
from callsheet_plugins.benchmarks.definitions import LIGHTEVAL
from callsheet_plugins.benchmarks.settings import EngineSettings


def problems(config=None, **settings):
    report = PreflightReport()
    checks.check(Benchmarks(**settings), LogContext("run", run_config=config or {}), report)
    return report.problems


@pytest.mark.parametrize(
    ("names", "define", "said"),
    [
        (["gsm9k"], {}, "No benchmark is called 'gsm9k'. Did you mean 'gsm8k'?"),
        (["mine"], {"mine": {"engin": "command"}}, "define.mine has no setting 'engin'. Did you mean 'engine'?"),
        (["mine"], {"mine": {"engine": "lmeval"}}, "define.mine.engine must be one of command, exact_match, lighteval, lm_eval, got 'lmeval'. Did you mean 'lm_eval'?"),
        (["mine"], {"mine": {"limit": 0}}, "define.mine.limit must be at least 1"),
        (["mine"], {"mine": {"limit": "some"}}, "define.mine.limit: Value 'some' of type 'str' could not be converted"),
        (["mine"], {"mine": 3}, "define.mine must hold settings"),
        (["a/b"], {"a/b": {}}, "a benchmark's name is made of letters"),
    ],
)  # fmt: skip
def test_a_wrong_definition_is_refused_with_the_nearest_right_one(names, define, said):
    with pytest.raises(CallsheetError) as raised:
        Benchmarks(benchmarks=names, define=define)
    assert said in str(raised.value)


def test_a_known_benchmark_can_be_changed_and_all_means_those_of_open_r1():
    plugin = Benchmarks(benchmarks=["gsm8k"], define={"gsm8k": {"limit": 10}})
    assert (plugin.chosen["gsm8k"].limit, plugin.chosen["gsm8k"].num_fewshot) == (10, 5)
    assert {*Benchmarks(benchmarks=["all"]).chosen} == {*LIGHTEVAL}


@pytest.mark.parametrize(
    ("define", "said"),
    [
        ({"engine": "exact_match"}, "define.mine.path must name the JSONL file"),
        ({"engine": "exact_match", "path": "nowhere.jsonl"}, "nowhere.jsonl"),
        ({"engine": "command"}, "define.mine.command must be set, as in ['{python}',"),
        ({"engine": "command", "command": ["ls", "{modell}"]}, "there is no placeholder {modell}. Did you mean 'model'?"),
        ({"engine": "command", "command": ["lss", "{model}"]}, "there is no program 'lss'"),
        ({"engine": "command", "command": ["ls", "{system_prompt}"], "system_prompt": "p" * 200_000}, "pass {system_prompt_file} instead"),
        ({"engine": "lm_eval", "path": "nowhere", "python": sys.executable}, "is no folder with tasks"),
        ({"engine": "lighteval", "task": "a|b"}, "must name one task"),
        ({"engine": "lighteval", "backend": "tgi"}, "must be one of accelerate, vllm"),
        ({"engine": "command", "command": ["ls"], "python": "/nowhere/python"}, "/nowhere/python is no program, and benchmark 'mine' wants it"),
        ({"engine": "lighteval"}, "needs the package lighteval, which"),
        ({"engine": "command", "command": ["ls", "--key=hf_abcdefghijklmnopqrstuv"]}, "setting command of benchmark 'mine'"),
        ({"engine": "command", "command": ["ls"], "model_args": {"api_key": "abcdefgh"}}, "setting model_args of"),
        ({"engine": "command", "command": ["ls"], "system_prompt": "the key is hf_abcdefghijklmnopqrstuv"}, "seems to hold a secret"),
    ],
)  # fmt: skip
def test_preflight_names_the_benchmark_and_what_would_be_right(define, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert any(said in problem for problem in problems(benchmarks=["mine"], define={"mine": define})), problems(
        benchmarks=["mine"], define={"mine": define}
    )


def test_a_name_that_is_a_secret_and_a_variable_that_is_not_set_are_refused(monkeypatch):
    monkeypatch.delenv("JUDGE_API_KEY", raising=False)
    name, ours = "hf_" + "a" * 34, {"engine": "command", "command": ["ls"], "variables": ["JUDGE_API_KEY"]}
    said = " ".join(problems(benchmarks=[name], define={name: ours}))
    assert "The name of benchmark '***' holds a secret" in said and "aaaa" not in said.replace(name, "")
    assert "names the environment variable JUDGE_API_KEY in its `variables`, and it is not set" in said


def test_a_python_of_its_own_is_asked_for_the_package(tmp_path):
    import venv

    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = str(tmp_path / "env" / "bin" / "python")
    (problem,) = problems(benchmarks=["gsm8k"], engine=EngineSettings(python))
    assert f"needs the package lm_eval, which {python} does not have" in problem
    (site,) = (tmp_path / "env" / "lib").glob("*/site-packages")
    (site / "lm_eval").mkdir()
    checks._has.cache_clear()
    assert problems(benchmarks=["gsm8k"], engine=EngineSettings(python)) == []


def test_a_training_on_gpus_is_warned_that_benchmarks_have_none(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    report = PreflightReport()
    checks.check(
        Benchmarks(benchmarks=["mine"], define={"mine": {"engine": "command", "command": ["ls"]}}),
        LogContext("run"),
        report,
    )
    assert "Benchmarks run on the CPU" in report.warnings[0]


def test_what_the_run_says_about_its_model_travels_with_the_job():
    plugin = Benchmarks(benchmarks=["mine"], define={"mine": {"engine": "command", "command": ["ls"]}})
    config = {"dataset": {"system_prompt": "be brief"}, "model": {"trust_remote_code": True, "chat_template": None}}
    chosen = plugin.complete(config)["mine"]
    assert (chosen.system_prompt, chosen.chat, chosen.trust_remote_code) == ("be brief", True, True)
    plain = plugin.complete({})["mine"]
    assert (plain.system_prompt, plain.chat, plain.trust_remote_code, plain.python) == (
        None,
        False,
        False,
        sys.executable,
    )


def test_the_plugin_and_its_handler_import_lightly(imports_lightly):
    imports_lightly("callsheet_plugins.benchmarks")
    imports_lightly("callsheet_plugins.benchmarks.handler")
    imports_lightly("callsheet_plugins.benchmarks.rescore.command")


def test_a_typo_in_a_nested_setting_is_refused(make_plugin):
    from callsheet.config.compose import compose
    from callsheet.config.plan import refuse_unknown

    with pytest.raises(CallsheetError, match="has no setting 'pyton'. Did you mean 'python'?"):
        refuse_unknown(compose(["plugins=[benchmarks]", "plugins.benchmarks.engine.pyton=x"]))
