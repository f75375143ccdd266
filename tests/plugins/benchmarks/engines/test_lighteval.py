"""What lighteval is told, and how its files are read; lighteval itself needs older libraries than Callsheet."""

import json
from pathlib import Path

import yaml

from callsheet_plugins.benchmarks import Benchmarks
from callsheet_plugins.benchmarks.engines import Work
from callsheet_plugins.benchmarks.engines.lighteval import Lighteval


def work(folder, name, **settings):
    plugin = Benchmarks(benchmarks=[name], define={name: settings})
    (folder / "out").mkdir(exist_ok=True)
    return Work(name, plugin.complete({})[name], "me/model", "abc", folder, folder / "out")


def test_the_model_stands_in_a_file_and_the_task_has_the_name_of_today(tmp_path):
    prompt = "say $(id)\n'\"🦜"
    command = Lighteval().command(
        work(tmp_path, "gpqa", limit=3, system_prompt=prompt, generation={"temperature": 0.6})
    )
    assert command[1:4] == ["-m", "lighteval", "accelerate"] and command[5] == "gpqa:diamond|0"
    assert command[command.index("--max-samples") + 1] == "3"
    model = yaml.safe_load(Path(command[4]).read_text())["model_parameters"]
    assert (model["model_name"], model["revision"], model["system_prompt"]) == ("me/model", "abc", prompt)
    assert model["generation_parameters"] == {"temperature": 0.6}
    assert Path(model["cache_dir"]).is_relative_to(tmp_path), "its cache does not look at the weights"


def test_tasks_lose_their_shots_and_the_whole_comes_first(tmp_path):
    results = {"results": {"math_500:0": {"pass@1": 0.5, "pass@1_stderr": 0.1}, "all": {"pass@1": 0.5}}}
    job = work(tmp_path, "math_500")
    (job.out / "results_2026-11-21.json").write_text(json.dumps(results))
    assert Lighteval().results(job).metrics == {"pass@1": 0.5}


def test_details_become_predictions(tmp_path):
    from pyarrow import Table, parquet

    job = work(tmp_path, "math_500")
    (job.out / "results_1.json").write_text(json.dumps({"results": {"math_500:0": {"pass@1": 1.0}}}))
    parquet.write_table(Table.from_pylist([{"doc": {"query": "1+1"}}]), job.out / "details_math_500|0_1.parquet")
    assert [*Lighteval().results(job).predictions] == [{"task": "math_500", "doc": {"query": "1+1"}}]


def test_a_tokenizer_saved_by_transformers_5_gets_the_name_that_4_knows(tmp_path):
    from dataclasses import replace

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "TokenizersBackend", "pad_token": "<pad>"}')
    job = replace(work(tmp_path, "math_500"), model=str(folder), revision=None)
    model = yaml.safe_load(Path(Lighteval().command(job)[4]).read_text())["model_parameters"]
    copy = json.loads((Path(model["tokenizer"]) / "tokenizer_config.json").read_text())
    assert copy == {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"}
    assert (Path(model["tokenizer"]) / "tokenizer.json").exists() and "TokenizersBackend" in (
        folder / "tokenizer_config.json"
    ).read_text()
