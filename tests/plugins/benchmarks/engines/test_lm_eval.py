"""A real lm_eval, in an environment of its own, on a tiny saved model with a task of a few lines; offline."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from waiting import PATIENCE

from callsheet.rundir.rundir import EVALS, RunDir
from callsheet_plugins.benchmarks import Benchmarks
from callsheet_plugins.benchmarks.engines import Malformed, Work
from callsheet_plugins.benchmarks.engines.lm_eval import LmEval
from plugins.benchmarks.conftest import callsheet

LM_EVAL = "lm-eval==0.4.13"
TASK = """
task: backwards
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
output_type: generate_until
test_split: test
doc_to_text: "{{prompt}}"
doc_to_target: "{{completion}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 4, do_sample: false}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""
ODD = 'it\'s "odd" $(touch owned) `id`\r\n— ünïcode 🦜 \x7f {{prompt}} ' + "x y\n" * 2500
TEMPLATE = "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}"


@pytest.fixture(scope="session")
def python_with_lm_eval(tmp_path_factory):
    """A Python that has lm_eval, and sees the heavy libraries of this one instead of installing them again."""
    folder = tmp_path_factory.mktemp("lm_eval")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (site / "beside.pth").write_text("\n".join(here) + "\n")
    python = folder / "bin" / "python"
    # Compiled when they are imported: most modules of what it needs never are.
    options = ["install", "-q", "--no-compile", LM_EVAL]
    command = [sys.executable, "-m", "pip", "--python", str(python), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        pytest.skip(f"{LM_EVAL} could not be installed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return python


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    import callsheet_conf

    demo = Path(callsheet_conf.__file__).parent / "demo" / "model"
    folder = tmp_path_factory.mktemp("tiny") / "model"
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(demo)).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(demo)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_lm_eval_scores_a_saved_model_on_a_local_task_with_its_system_prompt(python_with_lm_eval, model, tmp_path):
    tasks = tmp_path / "my tasks"
    tasks.mkdir()
    rows = [{"prompt": f"{word} -> ", "completion": word[::-1]} for word in ("apple", "river", "moon")]
    (tasks / "words.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tasks / "backwards.yaml").write_text(TASK % json.dumps(str(tasks / "words.jsonl")))
    conf = tmp_path / "conf" / "recipe"
    conf.mkdir(parents=True)
    define = {"mine": {"task": "backwards", "path": str(tasks), "limit": 2, "batch_size": "2", "system_prompt": ODD}}
    settings = {"benchmarks": ["mine"], "define": define, "engine": {"python": str(python_with_lm_eval)}}
    (conf / "mine.yaml").write_text("# @package _global_\n" + json.dumps({"plugins": {"benchmarks": settings}}))
    where = ["--config-dir", str(conf.parent), "recipe=mine"]
    done = callsheet("bench", model, *where, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "outputs" / "bench").iterdir()
    (row,) = RunDir(folder, is_main=False).rows(EVALS)
    assert row["metrics"]["exact_match"] == 0.0 and row["tags"]["engine"] == "lm_eval"
    (predictions,) = (folder / "predictions").iterdir()
    answers = [json.loads(line) for line in predictions.read_text().splitlines()]
    assert [answer["task"] for answer in answers] == ["backwards", "backwards"], "limit=2"
    asked = answers[0]["arguments"]["gen_args_0"]["arg_0"]
    assert asked.startswith(f"<system>{ODD}<user>apple -> ")
    assert not list(tmp_path.rglob("owned"))


def work(folder, **settings):
    plugin = Benchmarks(benchmarks=["mine"], define={"mine": {"task": "t", **settings}})
    (folder / "out").mkdir(exist_ok=True)
    return Work("mine", plugin.complete({})["mine"], "me/model", "abc", folder, folder / "out")


def left(folder, results):
    (folder / "out").mkdir(exist_ok=True)
    (folder / "out" / "results_2026.json").write_text(json.dumps(results))


def test_a_repository_is_named_by_its_commit(tmp_path):
    import yaml

    command = LmEval().command(work(tmp_path, num_fewshot=3, generation={"temperature": 0.5}))
    assert command[1:4] == ["-m", "lm_eval", "run"]
    config = yaml.safe_load(Path(command[-1]).read_text())
    assert config["model_args"] == {"pretrained": "me/model", "revision": "abc"}
    assert (config["tasks"], config["num_fewshot"], config["gen_kwargs"]) == (["t"], 3, {"temperature": 0.5})


def test_groups_and_filters_keep_their_names(tmp_path):
    left(
        tmp_path,
        {
            "results": {
                "t": {"alias": "t", "sample_len": 20, "acc,none": 0.5, "em,strict": 0.25},
                "t_part": {"acc,none": 0.75},
            }
        },
    )
    scores = LmEval().results(work(tmp_path))
    assert scores.metrics == {"acc": 0.5, "em,strict": 0.25} and scores.breakdowns["t_part"] == {"acc": 0.75}


def test_a_tag_of_several_tasks_names_each(tmp_path):
    left(tmp_path, {"results": {"a": {"acc,none": 0.5}, "b": {"acc,none": 0.25}}})
    assert LmEval().results(work(tmp_path)).metrics == {"a/acc": 0.5, "b/acc": 0.25}


@pytest.mark.parametrize("results", [{}, {"results": {}}, {"results": {"t": {"alias": "t"}}}, []])
def test_what_holds_no_number_is_malformed(tmp_path, results):
    left(tmp_path, results)
    with pytest.raises(Malformed):
        LmEval().results(work(tmp_path))
