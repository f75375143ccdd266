"""`callsheet bench`: score what was saved, through the same outbox, engines and places as during a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from callsheet.cli.hydra_app import HYDRA
from callsheet.cli.seconds import SECONDS
from callsheet.outbox.counts import NOT_ALL_PUBLISHED, left_to_you, sentence

if TYPE_CHECKING:
    from omegaconf import DictConfig

PLUGIN = "plugins.benchmarks"


@click.command(context_settings={**HYDRA, "help_option_names": ["-h", "--help"]}, short_help="Score what was saved.")
@click.argument("target")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
@click.option("--benchmarks", "names", default="", help="Names, with commas between them; left out, those of the run.")
@click.option("--revision", default="main", help="Of a repository on the Hub: a branch, a tag or a commit.")
@click.option(
    "--seconds",
    type=SECONDS,
    default=float("inf"),
    help="Wait for scores for so long; what remains is kept for a drain.",
)
def bench(target: str, overrides: tuple[str, ...], names: str, revision: str, seconds: float) -> int:
    """Score TARGET: all checkpoints of a run directory, one of them, a model folder, or a repository on the Hub.

    \b
    callsheet bench outputs/demo/demo-2026-11-20_09-30-00 --benchmarks words
    callsheet bench me/my-model --revision main-step-000000100 --benchmarks gsm8k,ifeval
    callsheet bench path/to/model --benchmarks mine --config-dir conf recipe=mine

    OVERRIDES are those of `callsheet train`, such as plugins.benchmarks.define.mine.task=… or
    plugins.benchmarks.dispatch=slurm. What was scored already, with the same settings, is not scored again;
    what failed is tried again, where OVERRIDES now say. The scores of a model folder are kept in outputs/bench, by the
    content of its files: they are found again when the folder was moved or renamed, and not when its weights changed.
    """
    from callsheet.cli.hydra_app import run_app

    def task(config: DictConfig, typed: list[str]) -> int:
        return _bench(config, typed, target, revision, seconds)

    wanted = [f"{PLUGIN}.benchmarks=[{names}]"] if names else []
    selected = [] if any(item.startswith("plugins=") for item in overrides) else ["plugins=[benchmarks]"]
    return run_app("bench", task, [*selected, *overrides, *wanted])


def _bench(config: DictConfig, typed: list[str], target: str, revision: str, seconds: float) -> int:
    from callsheet.outbox.counts import counts_of
    from callsheet.rundir.rundir import RunDir
    from callsheet.session.reopen import reopened
    from callsheet_plugins.benchmarks import jobs
    from callsheet_plugins.benchmarks.rescore import scoring, targets

    found = targets.find(target, revision)
    folder = found.run_dir
    run_config = RunDir(folder, is_main=False).config() if found.is_run else scoring.config_for(config)
    plugin = scoring.plugin(config, typed, run_config)
    benchmarks = scoring.checked(plugin, run_config)
    with scoring.alone(folder, seconds):
        if not found.is_run:
            scoring.make_run(run_config, found)
        with reopened(folder, seconds) as ctx:
            for source in found.sources:
                payload = jobs.payload_of(source, benchmarks, plugin.running())
                with jobs.with_base(source.files, run_config if found.is_run else {}, folder) as files:
                    for id in jobs.put_each(ctx.outbox, payload, files):
                        # What failed may do so no more where it runs from now on.
                        ctx.outbox.retry(id, running=plugin.running())
    scoring.show(folder, benchmarks)
    counts = counts_of(folder)
    for line in filter(None, (left_to_you(counts, folder), said := sentence(counts, folder))):
        click.echo(f"callsheet: {line}", err=True)
    return NOT_ALL_PUBLISHED if said else 0
