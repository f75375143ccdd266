"""EleutherAI's lm-evaluation-harness, `lm_eval`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from callsheet.values import number
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.engines import files, results_file, shares
from callsheet_plugins.benchmarks.engines.contract import Engine, Malformed, Scores, Work

CONFIG = "lm_eval.yaml"
VLLM = "vllm"


class LmEval(Engine):
    """Hands everything over in a YAML file, which `lm_eval run` reads since 0.4.10: no value meets a parser of text."""

    package = "lm_eval"

    def problems(self, name: str, benchmark: Benchmark) -> Iterator[str]:
        if benchmark.path and not Path(benchmark.path).is_dir():
            yield f"plugins.benchmarks.define.{name}.path={benchmark.path} is no folder with tasks for lm_eval."

    def command(self, work: Work) -> list[str]:
        config = work.write(CONFIG, yaml.safe_dump(_config(work)).encode("ascii"))
        program = ("-m", "lm_eval", "run", "--config", str(config), *work.benchmark.args)
        return [str(work.benchmark.python), *program] if _is_vllm(work.benchmark) else shares.python(work, *program)

    def cannot_share(self, name: str, benchmark: Benchmark, share: float) -> str:
        return shares.problem(name, benchmark, share, ("hf", VLLM))

    def results(self, work: Work) -> Scores:
        path, rows = results_file.tasks(work.out)
        tasks = {task: _metrics(row) for task, row in rows.items()}
        if not any(tasks.values()):
            raise Malformed(f'"results" of {path.name} hold no number.')
        return Scores(_overall(work.task, tasks), tasks if len(tasks) > 1 else {}, _samples(path.parent))


def _config(work: Work) -> dict[str, Any]:
    benchmark = work.benchmark
    model_args: dict[str, Any] = {"pretrained": work.model}
    if work.revision:
        model_args["revision"] = work.revision
    if benchmark.trust_remote_code:
        model_args["trust_remote_code"] = True
    if work.gpus > 1:
        model_args |= {"tensor_parallel_size": work.gpus} if _is_vllm(benchmark) else {"parallelize": True}
    if _is_vllm(benchmark):
        model_args |= shares.of_vllm(work)
    optional = {
        "num_fewshot": benchmark.num_fewshot,
        "limit": benchmark.limit,
        "gen_kwargs": benchmark.generation or None,
        "include_path": benchmark.path,
        "system_instruction": benchmark.system_prompt,
        "apply_chat_template": work.chat or None,
        "trust_remote_code": benchmark.trust_remote_code or None,
    }
    size = benchmark.batch_size
    return {
        "model": benchmark.backend or "hf",
        "model_args": {**model_args, **benchmark.model_args},
        "tasks": [work.task],
        "device": work.device,
        "output_path": str(work.out),
        "log_samples": True,
        **({"batch_size": int(size) if size.isdigit() else size} if size else {}),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _is_vllm(benchmark: Benchmark) -> bool:
    return benchmark.backend == VLLM


def _metrics(row: Mapping[str, Any]) -> dict[str, float]:
    """`acc,none` is called `acc`; another filter than none stays in the name. The number of samples is no score."""
    scores = {name.removesuffix(",none"): value for name, value in row.items() if results_file.is_number(value)}
    return {name: float(number(value)) for name, value in scores.items() if name != "sample_len"}


def _overall(task: str, tasks: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The metrics of the task that was asked for; where that is a tag of several, each under its task's name."""
    if task in tasks or len(tasks) == 1:
        return dict(tasks.get(task) or next(iter(tasks.values())))
    return {f"{name}/{metric}": value for name, row in tasks.items() for metric, value in row.items()}


def _samples(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("samples_*.jsonl")):
        task = path.name.removeprefix("samples_").rpartition("_")[0]
        for row in files.rows_of(path):
            yield {"task": task, **row}
