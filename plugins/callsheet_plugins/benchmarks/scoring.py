"""What `callsheet bench` does around its jobs: the plugin it scores with, a run directory, and the table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from callsheet import rundir
from callsheet.errors import CallsheetError
from callsheet.records import LogContext, Report
from callsheet.rundir import RunDir, now
from callsheet.secrets import redact

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from callsheet_plugins.benchmarks.definitions import Benchmark
    from callsheet_plugins.benchmarks.plugin import Benchmarks
    from callsheet_plugins.benchmarks.targets import Target

NAME = "benchmarks"


def plugin(config: DictConfig, typed: list[str], run_config: Mapping[str, Any]) -> Benchmarks:
    """The plugin as the run had it, changed by what was typed."""
    from omegaconf import OmegaConf

    from callsheet.plan import make_plugins, refuse_unknown

    refuse_unknown(config)
    before = (run_config.get("plugins") or {}).get(NAME)
    if before is not None:
        node = OmegaConf.merge(OmegaConf.structured(_class()), before)
        for key in (item.lstrip("+").partition("=")[0] for item in typed):
            if key.startswith(f"plugins.{NAME}."):
                OmegaConf.update(node, key.split(".", 2)[2], OmegaConf.select(config, key), force_add=True)
        config.plugins[NAME] = node
    return cast("Benchmarks", make_plugins(config)[NAME])


def checked(plugin: Benchmarks, ctx: LogContext) -> dict[str, Benchmark]:
    """The benchmarks to score, after the checks that a run would have made."""
    from callsheet_plugins.benchmarks import checks

    report = Report()
    checks.check(plugin, ctx, report)
    if not plugin.chosen:
        report.problem("No benchmark is named. Name some, as in --benchmarks gsm8k,ifeval.")
    if report.problems:
        raise CallsheetError("\n".join(report.problems))
    return plugin.complete(ctx.run_config)


def new_run_dir(config: DictConfig, target: Target) -> Path:
    """A small run directory for a model that belongs to no run."""
    from omegaconf import OmegaConf

    name = f"{target.name.replace('/', '--')}-{datetime.now():%Y-%m-%d_%H-%M-%S}"
    folder = RunDir(Path("outputs") / "bench" / name)
    folder.path.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Any] = {
        key: OmegaConf.to_container(config[key]) for key in ("plugins", "outbox", "dataset", "model")
    }
    content = redact({"experiment": "bench", **parts})
    folder.write_text(rundir.CONFIG, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    about = {"run": name, "experiment": "bench", "status": "completed", "started": now(), "target": target.name}
    folder.write_json(rundir.RUN, {**about, "config": content})
    return folder.path


def show(folder: Path, benchmarks: Mapping[str, Benchmark]) -> None:
    """Print the scores of the chosen benchmarks that the run directory holds."""
    from rich.console import Console

    from callsheet.summary import score_table

    rows = [row for row in RunDir(folder, is_main=False).rows(rundir.EVALS) if row["name"] in benchmarks]
    console = Console(highlight=False)
    if rows:
        console.print(score_table(rows))
    console.print(f"Scores: {folder / rundir.EVALS}")


def _class() -> type[Benchmarks]:
    from callsheet_plugins.benchmarks.plugin import Benchmarks

    return Benchmarks
