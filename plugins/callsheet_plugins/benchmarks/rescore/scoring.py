"""What `callsheet bench` does around its jobs: the plugin it scores with, a run directory, and the table."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import yaml

from callsheet.disk import os_errors
from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside
from callsheet.errors import CallsheetError
from callsheet.records import LogContext, PreflightReport
from callsheet.rundir import rundir
from callsheet.rundir.locks import Flock, flock
from callsheet.rundir.rundir import RunDir, now
from callsheet.secrets import redact

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from callsheet_plugins.benchmarks.definitions import Benchmark
    from callsheet_plugins.benchmarks.plugin import Benchmarks
    from callsheet_plugins.benchmarks.rescore.targets import Target

NAME = "benchmarks"
LOCK = ".bench.lock"
LOOK_SECONDS = 0.2


def config_for(config: DictConfig) -> dict[str, Any]:
    """What a model that belongs to no run is scored with."""
    from omegaconf import OmegaConf

    parts = ("plugins", "outbox", "dataset", "model")
    return dict(redact({"experiment": "bench", **{name: OmegaConf.to_container(config[name]) for name in parts}}))


def plugin(config: DictConfig, typed: list[str], run_config: Mapping[str, Any]) -> Benchmarks:
    """The plugin as the run had it, changed by what was typed, a recipe's settings among it."""
    from omegaconf import OmegaConf

    from callsheet.config.plan import make_plugins, refuse_unknown
    from callsheet_plugins.benchmarks.plugin import Benchmarks

    refuse_unknown(config)
    if before := (run_config.get("plugins") or {}).get(NAME):
        default = OmegaConf.structured(Benchmarks)
        chosen = _changed(OmegaConf.to_container(config.plugins[NAME]), OmegaConf.to_container(default))
        node = OmegaConf.merge(default, before, chosen)
        for key in (item.lstrip("+").partition("=")[0] for item in typed):
            if key.startswith(f"plugins.{NAME}."):
                OmegaConf.update(node, key.split(".", 2)[2], OmegaConf.select(config, key), force_add=True)
        config.plugins[NAME] = node
    return cast("Benchmarks", make_plugins(config)[NAME])


def _changed(settings: Any, default: Any) -> dict[str, Any]:
    """What of `settings` is not as it was born."""
    found = {}
    for key, value in settings.items():
        born = default.get(key)
        if value != born:
            found[key] = _changed(value, born) if isinstance(value, dict) and isinstance(born, dict) else value
    return found


def checked(plugin: Benchmarks, run_config: dict[str, Any]) -> dict[str, Benchmark]:
    """The benchmarks to score, after the checks that a run would have made."""
    from callsheet_plugins.benchmarks import checks

    report = PreflightReport()
    checks.check(plugin, LogContext(Path(), run_config=run_config, publishes=True), report)
    if not plugin.chosen:
        report.problem("No benchmark is named. Name some, as in --benchmarks gsm8k,ifeval.")
    if report.problems:
        raise CallsheetError("\n".join(report.problems))
    return plugin.complete(run_config)


@contextmanager
def alone(folder: Path, seconds: float) -> Iterator[None]:
    """Wait for as long as another `callsheet bench` scores in `folder`: what it has scored need not be scored again.

    Raises `CallsheetError` if that takes longer than `seconds`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.fdopen(Inside(folder).open(LOCK, os.O_WRONLY | os.O_CREAT), "w", encoding="utf-8")
    except Outside:
        raise
    except OSError as error:
        raise CallsheetError(os_errors.said(error, folder)) from error
    end, told = time.monotonic() + seconds, False
    with lock:
        while flock(lock) is Flock.HELD:
            if not told:
                click.echo(f"callsheet: Another callsheet bench scores into {folder}; waiting for it.", err=True)
            told = True
            if time.monotonic() > end:
                raise CallsheetError(f"Another callsheet bench still scores into {folder}. Call this one again later.")
            time.sleep(LOOK_SECONDS)
        yield


def make_run(run_config: Mapping[str, Any], target: Target) -> None:
    """Let the folder of a model that belongs to no run be a run directory, scored with these settings."""
    folder = RunDir(target.run_dir)
    folder.write_text(rundir.CONFIG, yaml.safe_dump(dict(run_config), sort_keys=False, allow_unicode=True))
    about = {"run": target.run_dir.name, "experiment": "bench", "status": "completed", "started": now()}
    folder.write_json(rundir.RUN, {**about, **folder.run(), "target": target.name, "config": dict(run_config)})


def show(folder: Path, benchmarks: Mapping[str, Benchmark]) -> None:
    """Print the scores of the chosen benchmarks that the run directory holds."""
    from rich.console import Console

    from callsheet.cli.views.summary import show_scores

    console = Console(highlight=False)
    show_scores(RunDir(folder, is_main=False), console, benchmarks)
    console.print(f"Scores: {folder / rundir.EVALS}")
