"""The engine for everything else: a command of the user's that writes a results file."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator

from callsheet.errors import did_you_mean
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.engines import results_file
from callsheet_plugins.benchmarks.engines.contract import Engine, Scores, Work

RESULTS = "results.json"
LONGEST = 100_000  # bytes; Linux takes 128 KiB in one argument
PLACEHOLDER = re.compile(r"\{(\w+)\}")
NAMES = (
    *(
        "model",
        "revision",
        "output",
        "results",
        "task",
        "path",
        "name",
        "limit",
        "num_fewshot",
        "batch_size",
        "device",
        "gpus",
        "memory_share",
    ),
    *("system_prompt", "system_prompt_file", "generation", "trust_remote_code", "chat", "python"),
)


class Command(Engine):
    """Fills the placeholders of `command`, each inside its own argument: no value is ever seen by a shell."""

    in_start_folder = True

    def problems(self, name: str, benchmark: Benchmark) -> Iterator[str]:
        where = f"plugins.benchmarks.define.{name}.command"
        if not benchmark.command:
            yield f"{where} must be set, as in ['{{python}}', 'score.py', '{{model}}', '{{results}}']."
            return
        for found in sorted({*PLACEHOLDER.findall(" ".join(benchmark.command))}):
            if found not in NAMES:
                near = did_you_mean(found, NAMES)
                yield f"{where}: there is no placeholder {{{found}}}.{near} There are: {', '.join(NAMES)}."
        if "{system_prompt}" in "".join(benchmark.command) and len((benchmark.system_prompt or "").encode()) > LONGEST:
            yield f"{where}: the system prompt is too long for an argument; pass {{system_prompt_file}} instead."
        program = benchmark.command[0]
        if not PLACEHOLDER.search(program) and not shutil.which(program):
            yield f"{where}: there is no program {program!r}."

    def command(self, work: Work) -> list[str]:
        benchmark = work.benchmark
        prompt = work.write("system_prompt.txt", benchmark.system_prompt or "")
        values = {
            "model": work.model,
            "revision": work.revision or "",
            "output": str(work.out),
            "results": str(work.out / RESULTS),
            "task": work.task,
            "path": benchmark.path or "",
            "name": work.name,
            "limit": _text(benchmark.limit),
            "num_fewshot": _text(benchmark.num_fewshot),
            "batch_size": benchmark.batch_size or "",
            "device": work.device,
            "gpus": str(work.gpus),
            "memory_share": _text(work.memory_share),
            "system_prompt": benchmark.system_prompt or "",
            "system_prompt_file": str(prompt),
            "generation": json.dumps(benchmark.generation),
            "trust_remote_code": "true" if benchmark.trust_remote_code else "false",
            "chat": "true" if work.chat else "false",
            "python": str(benchmark.python),
        }
        filled = [PLACEHOLDER.sub(lambda found: values[found[1]], part) for part in benchmark.command]
        return [*filled, *benchmark.args]

    def cannot_share(self, name: str, benchmark: Benchmark, share: float) -> str:
        if "{memory_share}" in "".join(benchmark.command):
            return ""
        where = f"plugins.benchmarks.define.{name}.command"
        return f"plugins.benchmarks.memory_share={share} is not told to {where}: put {{memory_share}} into it."

    def results(self, work: Work) -> Scores:
        return results_file.read(work.out / RESULTS)


def _text(value: float | None) -> str:
    return "" if value is None else str(value)
