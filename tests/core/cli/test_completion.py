"""What the Tab key offers."""

import os
import subprocess
import sys

import pytest


def complete(line, tmp_path):
    environment = {**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line))}
    command = [sys.executable, "-m", "callsheet", "-sc", "query=bash"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ("callsheet tr", ["train"]),
        ("callsheet train rec", ["recipe="]),
        ("callsheet train recipe=", ["recipe=demo"]),
        ("callsheet train plugins=bem", ["plugins=bema"]),
        ("callsheet train plugins=[bema,ex", ["plugins=[bema,exact_match"]),
        ("callsheet train recipe=demo plugins.bema.update_f", ["plugins.bema.update_freq="]),
        ("callsheet plugins csv", ["csv_metrics"]),
    ],
)
def test_tab_completes_commands_options_plugins_and_settings(tmp_path, line, choices):
    assert complete(line, tmp_path) == choices


@pytest.fixture
def place(tmp_path):
    """A folder as people have them: a run, data, a model, and recipes of one's own."""
    for folder in ("outputs/demo/first", "outputs/demo/second/checkpoint-2", "mine/recipe", "tiny", "data", ".hidden"):
        (tmp_path / folder).mkdir(parents=True)
    for number, run in enumerate(("first", "second")):
        (tmp_path / "outputs" / "demo" / run / "run.json").write_text("{}")
        os.utime(tmp_path / "outputs" / "demo" / run / "run.json", (number, number))
    (tmp_path / "mine" / "recipe" / "ours.yaml").write_text("# @package _global_\nplugins: [csv_metrics]\n")
    (tmp_path / "mine" / "plugins").mkdir()
    (tmp_path / "mine" / "plugins" / "slow_bema.yaml").write_text("# @package plugins.bema\ndefaults: [bema, _self_]\n")
    (tmp_path / "outputs/demo/first/outbox/failed").mkdir(parents=True)
    (tmp_path / "outputs/demo/first/outbox/failed/ping-1.json").write_text("{}")
    (tmp_path / "outputs/ours").mkdir()
    (tmp_path / "outputs/ours/experiment.json").write_text("{}")
    (tmp_path / "data.jsonl").write_text("")
    (tmp_path / "data" / "two words.jsonl").write_text("")
    return tmp_path


FIRST, SECOND = "outputs/demo/first", "outputs/demo/second"
EXPERIMENT = "outputs/ours"


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ("callsheet train trainer.args.learning_r", ["trainer.args.learning_rate="]),
        ("callsheet train trainer=grpo trainer.args.num_gen", ["trainer.args.num_generations=", "trainer.args.num_generations_eval="]),
        ("callsheet train trainer.args.max_length=9 trainer.args.pack", ["trainer.args.packing=", "trainer.args.packing_strategy="]),
        ("callsheet check trainer.args.eval_strategy=", ["trainer.args.eval_strategy=no", "trainer.args.eval_strategy=steps", "trainer.args.eval_strategy=epoch"]),
        ("callsheet train trainer.args.use_cpu=t", ["trainer.args.use_cpu=true"]),
        ("callsheet train peft=lora peft.args.use_do", ["peft.args.use_dora="]),
        ("callsheet train model.dtype=fl", ["model.dtype=float32", "model.dtype=float16"]),
        ("callsheet train -m model.dtype=auto,bf", ["model.dtype=auto,bfloat16"]),
        ("callsheet train model.trust_remote_code=", ["model.trust_remote_code=true", "model.trust_remote_code=false"]),
        ("callsheet train 'plugins=[hub_revisions]' plugins.hub_revisions.hub=h", ["plugins.hub_revisions.hub=huggingface"]),
        ("callsheet train +plugins=bema plugins.bema.on_error=w", ["plugins.bema.on_error=warn"]),
        ("callsheet train nonsense.x=1 trainer=dpo trainer.args.loss_t", ["trainer.args.loss_type="]),
        ("callsheet train +plugins=[bema,csv", ["+plugins=[bema,csv_metrics"]),
        ("callsheet train --config-dir mine plugins=[bema,sl", ["plugins=[bema,slow_bema"]),
        ("callsheet train ~plugins=csv", ["~plugins=csv_metrics"]),
        ("callsheet train --config-dir mine recipe=", ["recipe=demo", "recipe=ours"]),
        ("callsheet train --config-dir=mine recipe=o", ["recipe=ours"]),
        ("callsheet train --config-dir=mine recipe=ours plugins.csv", ["plugins.csv_metrics."]),
        ("callsheet train --config-dir gone recipe=o", []),
        ("callsheet train --config-dir m", ["mine/"]),
        ("callsheet train --config-dir=m", ["--config-dir=mine/"]),
        ("callsheet train --cf", ["--cfg"]),
        ("callsheet train --cfg j", ["job"]),
        ("callsheet train dataset.path=da", ["dataset.path=data.jsonl", "dataset.path=data/"]),
        ("callsheet train dataset.path=./da", ["dataset.path=./data.jsonl", "dataset.path=./data/"]),
        ("callsheet train dataset.path=data/", []),
        ("callsheet train model.path=t", ["model.path=tiny/"]),
        ("callsheet train resume=a", ["resume=auto"]),
        (f"callsheet train resume={SECOND}/ch", [f"resume={SECOND}/checkpoint-2/"]),
        ("callsheet train output_dir=outputs/d", ["output_dir=outputs/demo/"]),
        ("callsheet status ", [SECOND, FIRST]),
        ("callsheet status outputs/demo/s", [SECOND]),
        (f"callsheet status {FIRST} outputs/demo/f", [FIRST]),
        ("callsheet status ./outputs/demo/f", ["./" + FIRST]),
        ("callsheet status --j", ["--json"]),
        ("callsheet runs outputs/o", ["outputs/ours/"]),
        ("callsheet runs --so", ["--sort"]),
        ("callsheet runs --sort ", []),
        ("callsheet compare ", [EXPERIMENT, SECOND, FIRST]),
        (f"callsheet compare {FIRST} outputs/demo/s", [SECOND]),
        ("callsheet compare --f", ["--flips"]),
        ("callsheet report outputs/o", [EXPERIMENT]),
        ("callsheet report --ou", ["--out"]),
        ("callsheet outbox d", ["drain", "data/"]),
        ("callsheet outbox drain outputs/demo/f", [FIRST]),
        (f"callsheet outbox retry {FIRST} p", ["ping-1"]),
        ("callsheet bench outputs/demo/f", [FIRST, FIRST + "/"]),
        ("callsheet bench ti", ["tiny/", "tiny/"]),
        (f"callsheet bench {FIRST} --b", ["--benchmarks"]),
        (f"callsheet bench {FIRST} plugins.benchmarks.dispat", ["plugins.benchmarks.dispatch=", "plugins.benchmarks.dispatch_options."]),
        ("callsheet plugins slu", ["slurm"]),
        ("callsheet experiment st", ["status"]),
        ("callsheet experiment --rer", ["--rerun"]),
        ("callsheet experiment status outputs/o", [EXPERIMENT]),
        ("callsheet experiment resume outputs/o", [EXPERIMENT]),
    ],
)  # fmt: skip
def test_tab_completes_arguments_choices_runs_recipes_and_paths(place, line, choices):
    assert complete(line, place) == list(dict.fromkeys(choices))


@pytest.mark.parametrize(
    "line", ["callsheet train trainer.args.ev", "callsheet train model.dtype=", "callsheet status "]
)
def test_to_complete_loads_no_training_library(place, line):
    code = (
        "import os, sys\nfrom callsheet.cli.completion import complete\n"
        f"os.environ['COMP_LINE'] = {line!r}\ncomplete(['-sc', 'query=bash'], ['train'])\n"
        "print([name for name in ('torch', 'transformers', 'trl', 'datasets', 'peft') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=place, check=True)
    assert done.stdout.splitlines()[-1] == "[]" and not done.stderr


def test_in_a_real_bash_the_tab_key_completes(place):
    """As the README says it is installed."""
    script = (
        'eval "$(callsheet -sc install=bash)"\nCOMP_LINE="callsheet train trainer.args.learning_r" COMP_CWORD=2\n'
        'COMP_POINT=${#COMP_LINE}\nhydra_bash_completion\necho "${COMPREPLY[@]}"\n'
    )
    (place / "bin").mkdir()
    (place / "bin" / "callsheet").write_text(f'#!/bin/sh\nexec {sys.executable} -m callsheet "$@"\n')
    (place / "bin" / "callsheet").chmod(0o755)
    environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, cwd=place)
    assert done.stdout == "trainer.args.learning_rate=\n", done.stderr


def test_completion_is_installed_for_the_command_itself(callsheet):
    done = callsheet("-sc", "install=bash")
    assert done.returncode == 0 and "hydra_bash_completion" in done.stdout
