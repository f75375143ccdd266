"""The command line as a user meets it: exit codes, one screen, no traceback, nothing half-written."""

import json
import os
import pty
import shlex
import sys

import pytest
import warm

DEMO = ("train", "recipe=demo")


def refused(done, *messages):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and "use +" not in done.stderr
    assert len(done.stderr.splitlines()) <= 24, "more than one screen"
    for message in messages:
        assert message in done.stderr


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["plugins=[bemo]"], "Did you mean 'bema'?"),
        (["plugins.bema.update_frq=3"], "Did you mean 'update_freq'?"),
        (["plugins.bema.update_freq=0"], "plugins.bema.update_freq must be at least 1, got 0."),
        (["plugins.bema.update_freq=often"], "could not be converted to Integer"),
        (["trainer.args.max_stepz=3"], "trl.SFTConfig has no argument 'max_stepz'. Did you mean 'max_steps'?"),
        (["trainer.args.max_steps=many"], "max_steps"),
        (["trainer.args.output_dir=x"], "output_dir="),
        (["trainer.args.hub_token=hf_secret"], "HF_TOKEN"),
        (["dataset.path=tran.jsonl"], "tran.jsonl"),
        (["dataset.path=empty.jsonl"], "empty.jsonl"),
        (["dataset.path=bad.jsonl"], "bad.jsonl, line 2"),
        (["dataset.path=columns.jsonl"], "columns.jsonl"),
        (["dataset.path=types.jsonl"], "Row 2 of data set 'types.jsonl' holds 7 in column 'prompt'; trainer=sft needs text"),
        (["dataset.path=types.jsonl", "dataset.split=train[:1]", "output_dir=linked"], "symbolic link to"),
        (["dataset.columns=[promt]"], "promt"),
        (["model.path=./nowhere"], "model.path=./nowhere is not a folder"),
        (["model.init=pretrained"], "holds no weights. To draw them at random, set model.init=config."),
        (["resume=outputs/checkpoint-5"], "checkpoint-5 does not exist"),
        (["output_dir=full"], "is not empty and holds no Callsheet run"),
        (["callbacks.x.path=nowhere.Class"], "there is no package 'nowhere'"),
        (["launch=ddpp"], "launch has no option 'ddpp'"),
        (["dataset=./mine.jsonl"], "For a file, a folder or a repository: dataset.path=./mine.jsonl"),
        (["model=Qwen/Qwen3-0.6B"], "For a file, a folder or a repository: model.path=Qwen/Qwen3-0.6B"),
        (["output_dir", "=", "run"], "'output_dir' is no override: write key=value, without spaces"),
        (["plugins.exact_match.path=gone.jsonl"], "plugins.exact_match.path=gone.jsonl"),
        (["plugins.bema.update_freq=0", "launch.processes=-1", "dataset.path=tran.jsonl"], "-1.\nData file 'tran.jsonl'"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_before_anything_is_written(callsheet, tmp_path, overrides, message):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bad.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a", "completion"\n')
    (tmp_path / "columns.jsonl").write_text('{"promt": "a", "completion": "b"}\n')
    (tmp_path / "types.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": 7, "completion": "b"}\n')
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "outbox").symlink_to(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    refused(callsheet(*DEMO, *overrides), message)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_check_finds_nothing_wrong_with_the_demo_and_writes_nothing(callsheet, tmp_path):
    done = callsheet("check", "recipe=demo")
    assert done.returncode == 0 and "Nothing wrong found. Plugins: bema, exact_match" in done.stdout
    assert "Callbacks" not in done.stdout
    assert not list(tmp_path.iterdir())


def test_several_mistakes_are_reported_together(callsheet):
    done = callsheet("check", "recipe=demo", "trainer.args.max_stepz=3", "dataset.path=gone.jsonl")
    refused(done, "max_stepz", "gone.jsonl")


def test_an_unknown_command_is_refused_with_the_nearest(callsheet):
    refused(callsheet("trian", "recipe=demo"), "trian")


def test_a_command_of_experiments_that_is_misspelt_is_named_with_the_nearest(callsheet):
    refused(callsheet("experiment", "stauts", "outputs/x"), "no command 'stauts'. Did you mean 'status'?")


def test_a_recipe_alone_is_no_experiment(callsheet, tmp_path):
    refused(callsheet("experiment", "recipe=demo"), "Say which experiment: experiment=NAME. Experiments: demo")
    assert not list(tmp_path.iterdir())


def test_train_without_a_model_says_what_to_set(callsheet):
    refused(callsheet("train"), "model.path must be set", "recipe=demo")


def test_the_configuration_is_printed(callsheet):
    done = callsheet("train", "recipe=demo", "plugins.bema.update_freq=9", "--cfg", "job")
    assert done.returncode == 0 and "update_freq: 9" in done.stdout


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["--cfg", "all"], ["--cfg=hydra"], ["--info", "config"]])
def test_a_printed_configuration_shows_no_token(callsheet, flags):
    tokens = ["callbacks.x.api_key=short", "callbacks.x.hub_token=a-long-secret", "callbacks.x.note=a-long-secret"]
    done = callsheet("train", "recipe=demo", "+callbacks.x.path=a.B", *tokens, *flags)
    assert done.returncode == 0 and "***" in done.stdout
    assert "short" not in done.stdout.replace("when_quota_is_short", "") and "a-long-secret" not in done.stdout


def test_of_a_sweep_one_configuration_can_be_printed_and_it_is_said_how(callsheet):
    done = callsheet("train", "-m", "recipe=demo", "trainer.args.seed=1,2", "--cfg", "job")
    refused(done, "--cfg prints one configuration, and -m makes several. Leave -m out")


@pytest.mark.parametrize(
    ("override", "offer"),
    [
        ("seed=1", "Did you mean trainer.args.seed or dataset.seed?"),
        ("+learning_rate=1", "Did you mean trainer.args.learning_rate?"),
        ("trainer.max_steps=1", "Did you mean trainer.args.max_steps?"),
        ("update_freq=1", "Did you mean plugins.bema.update_freq?"),
        ("revision=main", "model.revision"),
        ("trainr=dpo", "Did you mean 'trainer'?"),
        ("recipe=mine", "For a recipe of your own, name the folder above recipe/: --config-dir FOLDER."),
        ("lr=1", "Did you mean trainer.args.learning_rate?"),
        ("--max_steps", "callsheet check has no flag --max_steps. Did you mean trainer.args.max_steps=…?"),
        ("--per-device-train-batch-size=2", "Did you mean trainer.args.per_device_train_batch_size=…?"),
        ("--model_name_or_path", "Did you mean model.path=…?"),
        ("--trainer", "Did you mean trainer=…?"),
        ("--config_dir", "Did you mean '--config-dir'?"),
        ("--zzz", "callsheet check has no flag --zzz. Settings are typed as key=value."),
    ],
)
def test_a_setting_of_another_section_is_offered_where_it_stands(callsheet, override, offer):
    refused(callsheet("check", "recipe=demo", override), offer)


FAILING = """
from transformers import TrainerCallback


class Fails(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == int(__import__("os").environ["AT"]):
            raise RuntimeError("as asked")
"""


def test_a_run_that_fails_says_where_it_lies_and_how_to_go_on(callsheet, tmp_path):
    (tmp_path / "failing.py").write_text(FAILING)
    small = ["trainer.args.max_steps=4", "trainer.args.save_steps=2", "trainer.args.eval_strategy=no"]
    settings = ["recipe=demo", "plugins=[]", *small, "callbacks.x.path=failing.Fails", "output_dir=run"]
    for at, begin in (("1", "No checkpoint is complete. To begin again"), ("3", "To go on from checkpoint-2")):
        done = callsheet("train", *settings, env={"PYTHONPATH": str(tmp_path), "AT": at})
        assert done.returncode == 1 and "RuntimeError: as asked" in done.stderr
        assert f"The run lies in run. {begin}: {shlex.join(['callsheet', 'train', *settings])}\n" in done.stderr
    assert "go on       callsheet train recipe=demo" in callsheet("status", "run").stdout


def test_plugins_lists_every_plugin_with_its_origin(callsheet):
    done = callsheet("plugins")
    assert done.returncode == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("bema"))
    assert "callsheet" in line and "0.1.0" in line


def test_the_manual_of_a_plugin_tells_its_settings(callsheet):
    done = callsheet("plugins", "bema")
    assert done.returncode == 0
    assert "update_freq" in done.stdout and "at least 1" in done.stdout and "on_step_end" in done.stdout
    refused(callsheet("plugins", "bemo"), "Did you mean 'bema'?")


def test_explain_names_the_override_and_the_recipe(callsheet):
    done = callsheet("explain", "recipe=demo", "plugins.bema.lag=3")
    assert done.returncode == 0, done.stderr
    assert "plugins.bema.lag=3" in done.stdout and "recipe/demo.yaml" in done.stdout


@pytest.mark.slow
def test_a_multirun_trains_every_combination_in_a_directory_of_its_own(callsheet, tmp_path):
    small = ["trainer.args.max_steps=2", "trainer.args.eval_strategy=no", "trainer.args.save_strategy=no"]
    # An arm without bema leaves its setting aside; typed for a single run it would be a mistake.
    done = callsheet("train", "-m", "recipe=demo", "plugins=[],[bema]", "plugins.bema.update_freq=2", *small)
    assert done.returncode == 0, done.stderr
    runs = sorted((tmp_path / "outputs" / "demo").glob("demo-*/plugins=*"), reverse=True)
    plugins = [[plugin["name"] for plugin in json.loads((run / "run.json").read_text())["plugins"]] for run in runs]
    assert plugins == [[], ["bema"]]
    arms = [json.loads((run / "run.json").read_text())["arm"] for run in runs]
    assert [arm["differs"] for arm in arms] == [
        {"plugins": "[]"},
        {"plugins": "[bema]", "plugins.bema.update_freq": "2"},
    ]
    assert "plugins.bema.update_freq=2 is set aside: this run does not select bema.\n" in done.stderr
    assert all(f"{arm['name']}  completed" in done.stdout + done.stderr for arm in arms)


@pytest.mark.slow
def test_on_a_terminal_the_demo_shows_what_was_learnt(tmp_path):
    """A real pseudo-terminal: colours, bars and tables are drawn as a user sees them."""
    command = [sys.executable, "-m", "callsheet", *DEMO, "trainer.args.max_steps=20", "trainer.args.save_steps=10"]
    leader, follower = pty.openpty()
    process = warm.Popen(command, cwd=tmp_path, stdout=follower, stderr=follower, stdin=follower)
    os.close(follower)
    screen = b""
    while True:
        try:
            block = os.read(leader, 65536)
        except OSError:
            break
        screen += block
    assert process.wait() == 0
    text = screen.decode(errors="replace")
    assert "completed" in text and "exact_match" in text and "bema" in text and "Traceback" not in text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["plugins=null"], ""),
        (["plugins=[bema,[csv_metrics]]"], ""),
        (["trainer.args.max_steps=0"], "trainer.args.max_steps must be at least 1, got 0."),
        (["trainer.args.max_steps=-5"], "trainer.args.max_steps must be at least 1, got -5."),
        (["trainer.args.per_device_train_batch_size=0"], "per_device_train_batch_size must be at least 1"),
        (["trainer.args.learning_rate=-1"], "learning_rate must be at least 0"),
        (["output_dir=afile/x"], "afile is a file"),
        (["finish.push=true", "plugins=[]"], "no selected plugin publishes"),
        (["plugins.csv_metrics.filename=run.json"], "must be a bare name ending in .csv"),
        (["plugins.exact_match.path=bad.jsonl"], "bad.jsonl, line 2"),
        (["--config-dir", "mine", "recipe=bad"], "bad.yaml"),
        (["--config-dir", "mine", "recipe=bare"], "recipe/bare.yaml must begin with the line '# @package _global_'"),
    ],
)
def test_a_mistake_is_no_traceback(callsheet, tmp_path, overrides, message):
    (tmp_path / "afile").write_text("")
    (tmp_path / "bad.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": \n')
    (tmp_path / "mine" / "recipe").mkdir(parents=True)
    (tmp_path / "mine" / "recipe" / "bad.yaml").write_text("# @package _global_\na: [\n")
    (tmp_path / "mine" / "recipe" / "bare.yaml").write_text("experiment: mine\n")
    done = callsheet("check", "recipe=demo", *overrides)
    assert done.returncode == 2 and "Traceback" not in done.stderr and message in done.stderr, done.stderr
