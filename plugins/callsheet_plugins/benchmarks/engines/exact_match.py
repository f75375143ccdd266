"""The engine for small generative tasks on a JSONL file of one's own: greedy answers, counted by exact match."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from callsheet import CallsheetError
from callsheet.data.contents import look
from callsheet.generation import generate
from callsheet.values import dumps
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.engines import results_file, shares
from callsheet_plugins.benchmarks.engines.contract import Engine, Scores, Work

PROGRAM = Path(str(generate.__file__))
RESULTS = "results.json"


class ExactMatchEngine(Engine):
    """Runs `generate.py` in a Python that has transformers."""

    package = "transformers"

    def problems(self, name: str, benchmark: Benchmark) -> Iterator[str]:
        where = f"plugins.benchmarks.define.{name}.path"
        if not benchmark.path:
            yield f"{where} must name the JSONL file with a prompt and a completion in each row."
            return
        try:
            columns = look(benchmark.path).columns or []
        except CallsheetError as error:
            yield f"{where}={benchmark.path}: {error}"
            return
        if missing := sorted({"prompt", "completion"} - {*columns}):
            yield f"{where}={benchmark.path}: rows have no {' and no '.join(missing)}; they have {', '.join(columns)}."
        if benchmark.batch_size and not benchmark.batch_size.isdigit():
            yield f"plugins.benchmarks.define.{name}.batch_size={benchmark.batch_size} must be a number."

    def command(self, work: Work) -> list[str]:
        benchmark = work.benchmark
        content = {
            "model": work.model,
            "revision": work.revision,
            "path": benchmark.path,
            "limit": benchmark.limit,
            "batch_size": int(benchmark.batch_size or 64),
            "generation": {"max_new_tokens": 32, **benchmark.generation},
            "model_args": benchmark.model_args,
            "system_prompt": benchmark.system_prompt,
            "chat": work.chat,
            "trust_remote_code": bool(benchmark.trust_remote_code),
            "device": work.device,
            "results": str(work.out / RESULTS),
        }
        spec = work.write("spec.json", dumps(content, indent=1))
        return shares.python(work, str(PROGRAM), str(spec), *benchmark.args)

    def variables(self, work: Work) -> tuple[str, ...]:
        """Its questions lie in a file, so only a model on the Hub needs a token."""
        return super().variables(work) if work.revision else ()

    def cannot_share(self, name: str, benchmark: Benchmark, share: float) -> str:
        return ""

    def results(self, work: Work) -> Scores:
        return results_file.read(work.out / RESULTS)
