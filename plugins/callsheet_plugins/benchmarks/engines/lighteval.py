"""Hugging Face's lighteval, with the tasks of open-r1.

It wants older libraries than Callsheet, so it needs an environment of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from callsheet.values import number
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.dispatch.contract import run_of
from callsheet_plugins.benchmarks.engines import files, results_file, shares
from callsheet_plugins.benchmarks.engines.contract import Engine, Malformed, Scores, Work

CONFIG = "model.yaml"
TOKENIZER = "tokenizer_config.json"
TOKENIZER_FILES = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template*", "*.model")
VLLM = "vllm"
ROWS_AT_A_TIME = 64
BACKENDS = ("accelerate", VLLM)


class Lighteval(Engine):
    """`lighteval accelerate|vllm CONFIG TASKS`, as of 0.13: a task is `name|shots`, the model stands in a YAML file."""

    package = "lighteval"

    def problems(self, name: str, benchmark: Benchmark) -> Iterator[str]:
        where = f"plugins.benchmarks.define.{name}"
        if (benchmark.backend or BACKENDS[0]) not in BACKENDS:
            yield f"{where}.backend={benchmark.backend} must be one of {', '.join(BACKENDS)} for lighteval."
        if benchmark.path and not Path(benchmark.path).is_file():
            yield f"{where}.path={benchmark.path} is no Python file with tasks for lighteval."
        if any(mark in (benchmark.task or "") for mark in ",|"):
            yield f"{where}.task={benchmark.task!r} must name one task, without '|' and ','; num_fewshot is a setting."

    def command(self, work: Work) -> list[str]:
        benchmark = work.benchmark
        config = work.write(CONFIG, yaml.safe_dump({"model_parameters": _model(work)}).encode("ascii"))
        backend = benchmark.backend or BACKENDS[0]
        program = [
            *("-m", "lighteval", backend, str(config)),
            f"{work.task}|{benchmark.num_fewshot or 0}",
            *("--output-dir", str(work.out), "--results-path-template", "{output_dir}", "--save-details"),
            *(["--custom-tasks", benchmark.path] if benchmark.path else []),
            *(["--max-samples", str(benchmark.limit)] if benchmark.limit else []),
            *benchmark.args,
        ]
        return [str(benchmark.python), *program] if backend == VLLM else shares.python(work, *program)

    def cannot_share(self, name: str, benchmark: Benchmark, share: float) -> str:
        return shares.problem(name, benchmark, share, BACKENDS)

    def results(self, work: Work) -> Scores:
        path, rows = results_file.tasks(work.out)
        tasks = {_task_name(task): _metrics(row) for task, row in rows.items()}
        overall = tasks.pop("all", None) or next(iter(tasks.values()), {})
        if not overall:
            raise Malformed(f'"results" of {path.name} hold no number.')
        return Scores(overall, tasks if len(tasks) > 1 else {}, _details(work.out))


def _model(work: Work) -> dict[str, Any]:
    benchmark = work.benchmark
    is_vllm = benchmark.backend == VLLM
    found: dict[str, Any] = {"model_name": work.model}
    if work.revision:
        found["revision"] = work.revision
    if is_vllm:
        found |= shares.of_vllm(work)
    if not is_vllm:
        found["device"] = work.device
    elif work.gpus > 1:
        found["tensor_parallel_size"] = work.gpus
    if benchmark.batch_size and not is_vllm:
        found["batch_size"] = int(benchmark.batch_size)
    if benchmark.trust_remote_code:
        found["trust_remote_code"] = True
    if benchmark.system_prompt:
        found["system_prompt"] = benchmark.system_prompt
    if benchmark.chat is not None:
        found["override_chat_template"] = benchmark.chat
    if benchmark.generation:
        found["generation_parameters"] = benchmark.generation
    if tokenizer := _tokenizer_for_older_libraries(work):
        found["tokenizer"] = str(tokenizer)
    # Its cache of answers knows nothing of the weights: a job keeps its own.
    return {**found, "cache_dir": str(work.out / "cache"), **benchmark.model_args}


def _tokenizer_for_older_libraries(work: Work) -> Path | None:
    """A copy of the tokenizer under the class that transformers 4 has for it: 5 saves a name that 4 does not know."""
    source, target = Path(work.model), work.folder / "tokenizer"
    content = _json(source / TOKENIZER)
    if not isinstance(content, dict) or content.get("tokenizer_class") != "TokenizersBackend":
        return None
    run_of(work.folder).make(target)
    for path in source.iterdir():
        if any(path.match(pattern) for pattern in TOKENIZER_FILES):
            work.write(f"{target.name}/{path.name}", path.read_bytes())
    changed = {**content, "tokenizer_class": "PreTrainedTokenizerFast"}
    work.write(f"{target.name}/{TOKENIZER}", json.dumps(changed, indent=1))
    return target


def _json(path: Path) -> Any:
    try:
        return files.json_of(path)
    except Malformed:  # then it is the engine's to say so
        return None


def _task_name(task: str) -> str:
    """`math_500:0` and `lighteval:math_500:0` are called `math_500`."""
    name, _, shots = task.rpartition(":")
    return (name if shots.isdigit() and name else task).removeprefix("lighteval:")


def _metrics(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(number(value)) for name, value in row.items() if results_file.is_number(value)}


def _details(out: Path) -> Iterator[dict[str, Any]]:
    """Rows of lighteval's Parquet files."""
    for path in sorted(out.rglob("details_*.parquet")):
        from pyarrow import parquet  # type: ignore[import-untyped]  # pyarrow ships no types

        task = _task_name(path.name.removeprefix("details_").rpartition("_")[0].replace("|", ":"))
        with files.opened(path) as file:
            for batch in parquet.ParquetFile(file).iter_batches(batch_size=ROWS_AT_A_TIME):
                yield from ({"task": task, **row} for row in batch.to_pylist())
