"""What can be known to be wrong with benchmarks before training, without importing any of their engines."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError
from callsheet.process.machine import gpus_present, visible_gpus
from callsheet.rundir import checkpoints
from callsheet.rundir.rundir import RunDir
from callsheet.secrets import redact, redact_text
from callsheet_plugins.benchmarks import devices, engines
from callsheet_plugins.benchmarks.definitions import JOB_SECONDS
from callsheet_plugins.benchmarks.dispatch.choosing import SETTING, dispatcher_class, section_of
from callsheet_plugins.benchmarks.dispatch.contract import Dispatcher
from callsheet_plugins.benchmarks.dispatch.slurm import trial
from callsheet_plugins.benchmarks.engines import Engine

if TYPE_CHECKING:
    from callsheet.records import LogContext, PreflightReport, Revision
    from callsheet_plugins.benchmarks.definitions import Benchmark
    from callsheet_plugins.benchmarks.settings import BenchmarkSettings

WHERE = "plugins.benchmarks"
EXTRAS = {"lm_eval": "pip install 'callsheet[eval]'", "transformers": "pip install transformers torch"}
SECONDS = 20


def check(plugin: BenchmarkSettings, ctx: LogContext, report: PreflightReport) -> None:
    """Add what is wrong to `report`."""
    if not plugin.chosen:
        report.warning(
            f"{WHERE}.benchmarks is empty, so nothing is scored. Name some, as in {WHERE}.benchmarks=[gsm8k]."
        )
    if plugin.every == "revision" and not ctx.publishes:
        report.problem(f"{WHERE}.every=revision, but no selected plugin publishes. Select one, or leave it out.")
    for warning in devices.warnings(plugin, ctx.run_config, visible_gpus()):
        report.warning(warning)
    for problem in devices.problems(plugin, gpus_present()):
        report.problem(problem)
    try:
        place = dispatcher_class(plugin.dispatch)
    except CallsheetError as error:
        report.problem(f"{SETTING}={plugin.dispatch}: {error}")
        return
    _check_place(plugin, place, ctx, report)
    for name, benchmark in plugin.complete(ctx.run_config).items():
        for problem in _problems(plugin, place, name, benchmark):
            report.problem(problem)


def is_known_already(ctx: LogContext, revision: Revision) -> bool:
    """Whether this is the final model, and the last checkpoint, which has been published, was the same."""
    if revision.checkpoint or revision.weights != "raw":
        return False
    rows = checkpoints.manifest(RunDir(ctx.run_dir, is_main=False)).values()
    return any(row.step == revision.step and row.revisions for row in rows)


def _check_place(plugin: BenchmarkSettings, place: type[Dispatcher], ctx: LogContext, report: PreflightReport) -> None:
    settings = plugin.settings_in(section_of(place))
    for problem in getattr(place, "problems", Dispatcher.problems)(settings, Path(ctx.run_dir).absolute()):
        report.problem(problem)
    if plugin.dispatch == "slurm" and not report.problems:
        problem, warning = trial.problem_with(plugin.slurm, plugin.seconds or JOB_SECONDS)
        if problem:
            report.problem(problem)
        if warning:
            report.warning(warning)


def _problems(plugin: BenchmarkSettings, place: type[Dispatcher], name: str, benchmark: Benchmark) -> list[str]:
    """What the engine says, and what holds for every engine."""
    try:
        engine = engines.engine(benchmark.engine)
    except CallsheetError as error:
        return [f"Benchmark {name!r}: {error}"]
    brings_python = getattr(place, "brings_python", False) or (section_of(place) == "slurm" and plugin.slurm.container)
    shared = [
        *_secrets(name, benchmark),
        *_unset(name, benchmark),
        *([] if brings_python else _python(engine, name, benchmark)),
    ]
    return [*engine.problems(name, benchmark), *shared]


def _unset(name: str, benchmark: Benchmark) -> list[str]:
    return [
        f"Benchmark {name!r} names the environment variable {variable} in its `variables`, and it is not set."
        for variable in benchmark.variables
        if variable not in os.environ
    ]


def _secrets(name: str, benchmark: Benchmark) -> list[str]:
    """Settings travel in files, and what looks like a secret is blanked there."""
    settings = asdict(benchmark)
    if redact_text(name) != name:
        return [f"The name of benchmark {redact_text(name)!r} holds a secret, and files are named after it."]
    return [
        f"The setting {setting} of benchmark {name!r} seems to hold a secret, which would be blanked in it. "
        "Leave it in an environment variable, and name that in `variables` of the benchmark."
        for setting, kept in redact(settings).items()
        if kept != settings[setting]
    ]


def _python(engine: Engine, name: str, benchmark: Benchmark) -> list[str]:
    """Whether the Python of the job is there, and has the engine's package."""
    python, package = str(benchmark.python), getattr(engine, "package", "")
    if not os.access(python, os.X_OK) or os.path.isdir(python):
        return [f"{WHERE}: {python} is no program, and benchmark {name!r} wants it as its Python."]
    if not package or _has(python, package):
        return []
    advice = EXTRAS.get(package, f"{python} -m pip install {package}")
    return [
        f"Benchmark {name!r} needs the package {package}, which {python} does not have: {advice}, or name a Python "
        f"that has it, as in {WHERE}.engine.python=/path/to/python."
    ]


@cache
def _has(python: str, package: str) -> bool:
    """Whether an interpreter would find a package; it is not imported."""
    if python == sys.executable:
        return find_spec(package) is not None
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=SECONDS, cwd="/").returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
