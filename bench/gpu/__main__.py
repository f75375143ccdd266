"""What `bench/gpu.sh` runs: the tests, then each benchmark in a process of its own, then the table of all of them."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Any

from gpu.table import Row, read, show

ROOT = Path(__file__).parents[2]
BENCHMARKS = ("averages", "every_step", "hosting", "ref_sync")
SECONDS = 130  # that a benchmark may take
SUITE_SECONDS = 240
SUITE = ("-m", "pytest", "tests/gpu", "-o", "addopts=", "--strict-markers", "-p", "no:cacheprovider", "-q", "-ra")
WORKERS = (
    "-n",
    "8",
    "--dist",
    "load",
    "--maxschedchunk",
    "1",
    "--durations",
    "8",
)  # a process of the tests needs little of the GPU


def main() -> int:
    options = _options()
    if said := _lacking():
        print(said, file=sys.stderr)
        return 2
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as made:
        results = Path(os.environ.get("RESULTS") or made) / "rows.jsonl"
        results.unlink(missing_ok=True)
        suite = [] if options.what == "bench" else [_suite()]
        broken = [] if options.what == "suite" else _benchmarks(options.names or BENCHMARKS, results)
        show([*suite, *read(results), *broken])
    return int(bool(broken) or not all(row.reached for row in suite))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/gpu.sh", description="The GPU's tests and benchmarks.")
    parser.add_argument("what", nargs="?", choices=("all", "suite", "bench"), default="all")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Benchmarks: {', '.join(BENCHMARKS)}.")
    options = parser.parse_args()
    if unknown := {*options.names} - {*BENCHMARKS}:
        parser.error(f"There is no benchmark {', '.join(sorted(unknown))}. There are: {', '.join(BENCHMARKS)}.")
    return options


def _lacking() -> str:
    """What this machine lacks, in a sentence, or an empty string."""
    if find_spec("torch") is None:
        return "bench/gpu.sh needs torch in the Python that runs it; PYTHON=PATH names another."
    import torch

    if not torch.cuda.is_available():
        return f"bench/gpu.sh needs a CUDA GPU, and torch {torch.__version__} sees none here."
    if "bema" not in entry_points(group="callsheet.plugins").names:
        return (
            "bench/gpu.sh needs Callsheet in the Python that runs it: pip install -e '.[test]' in this folder's parent."
        )
    return ""


def _suite() -> Row:
    threads = {"OMP_NUM_THREADS": "2", "TORCHINDUCTOR_COMPILE_THREADS": "4"}
    code, lines = _run([sys.executable, *SUITE, *WORKERS], SUITE_SECONDS, ROOT, threads)
    said = [line for line in lines if code < 0 or re.search(r"\d+ (passed|failed|error)", line)] or lines
    return Row("tests/gpu", said[-1].strip("= ") if said else f"exit code {code}", "all pass", code == 0)


def _benchmarks(names: tuple[str, ...], results: Path) -> list[Row]:
    """Run them; a row for each that broke."""
    broken = []
    for name in names:
        print(f"\n{name}", flush=True)
        code, lines = _run([sys.executable, "-m", f"gpu.{name}", str(results)], SECONDS, ROOT / "bench", {})
        if code:
            said = lines[-1] if lines else ""
            broken.append(Row(name, f"broke with exit code {code}: {said}"[:200], "", False))
    return broken


def _run(command: list[str], seconds: float, folder: Path, settings: dict[str, str]) -> tuple[int, list[str]]:
    """The exit code and the lines of a command that is ended after so many seconds; the lines are passed on."""
    lines: list[str] = []
    how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    settings = {**os.environ, **settings}
    with subprocess.Popen(command, cwd=folder, env=settings, start_new_session=True, **how) as process:
        timer = Timer(seconds, _end, [process.pid])
        timer.start()
        try:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                if line.strip():
                    lines.append(line.strip())
        except BaseException:
            _end(process.pid)
            raise
        finally:
            timer.cancel()
    _end(process.pid)  # what it has left behind would keep the GPU busy
    if process.returncode == -signal.SIGKILL:
        lines.append(f"ended after {seconds:.0f} seconds")
    return process.returncode, lines


def _end(session: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
