"""`callsheet runs [DIR…]`: a table of the runs below a folder."""

from __future__ import annotations

from pathlib import Path

import click

from callsheet.errors import CallsheetError

OUTPUTS = Path("outputs")
MOST_NAMED = 10  # runs that cannot be shown


@click.command(short_help="List the runs below a folder: state, what differs, metrics, scores.")
@click.argument("folders", metavar="[DIR…]", nargs=-1, type=click.Path(path_type=Path, readable=False))
@click.option("--sort", "order", multiple=True, metavar="COLUMN", help="Sort by it; -COLUMN for the largest first.")
@click.option("--reverse", is_flag=True, help="Turn the order around.")
@click.option("--where", "conditions", multiple=True, metavar="CONDITION", help="Show only runs that meet it.")
@click.option("--columns", metavar="NAME,…", default="", help="Show these columns; globs such as plugins.* too.")
@click.option("--metric", metavar="NAME", default="", help="Of which metric the last and the best value are shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run, for programs.")
def runs(
    folders: tuple[Path, ...],
    order: tuple[str, ...],
    reverse: bool,
    conditions: tuple[str, ...],
    columns: str,
    metric: str,
    as_json: bool,
) -> int:
    """List the runs below DIR, which is outputs/ or, where there is none, this folder; changes nothing.

    \b
    callsheet runs
    callsheet runs outputs/sweep --sort best --where status=completed
    callsheet runs --where 'learning_rate>=1e-4' --where 'run=demo-*'
    callsheet runs --sort -age --columns status,learning_rate,exact_match

    Columns are run, status, step, steps, experiment, arm, seed, stage, metric, last, best, size, age, written, took,
    started, host and why; and by its name, or the end of it, every setting, score (BENCHMARK.METRIC) and metric.
    setting.NAME, score.NAME and metric.NAME say which of them is meant. Usual are the settings in which the runs
    differ.

    \b
    --where status=failed,dead  one of several; done, running, killed, too
    --where 'run=*seed-1*'      a glob, upper or lower case; != all others
    --where 'best<0.5'          also <=, > and >=: size>1GB, age<2h, f1>90%
    --where why~memory          the text is in there; !~ it is not
    --where eval_loss=          has no value; several --where must all hold

    The newest runs come first. Runs without a value in the column that is sorted by come last. On a terminal the
    table fits, and a line below it says what was left out; elsewhere nothing is cut.
    """
    from callsheet.cli.named_run import a_folder
    from callsheet_plugins.report.glance.asked import chosen, in_order
    from callsheet_plugins.report.glance.finding import Columns
    from callsheet_plugins.report.glance.listing import notes, screen
    from callsheet_plugins.report.glance.look import closed, look_at
    from callsheet_plugins.report.reading.discover import discover

    found = discover([a_folder(folder) for folder in folders] or [OUTPUTS if OUTPUTS.is_dir() else Path()])
    looked = look_at(found.runs)
    _name([*found.faults, *looked.left_out, *closed(looked.glances)])
    if not looked.glances:
        raise CallsheetError("None of the runs can be shown.")
    known = Columns(looked.glances, metric)
    if metric:
        known.require_metric(metric)
    left = chosen(known, conditions)
    known = Columns(left, known.metric)  # what differs among those that are shown
    glances = in_order(known, left, order, reverse=reverse)
    if as_json:
        screen.show_json(known, glances)
        return 0
    wanted = [column for name in columns.split(",") if name.strip() for column in known.matching(name.strip())]
    if wanted and known.own["run"] not in wanted:
        wanted.insert(0, known.own["run"])
    below = [*notes.on_runs(known, glances, len(looked.glances)), *notes.on_experiments(found.experiments)]
    screen.show(known, glances, wanted, below)
    return 0


def _name(wrong: list[str]) -> None:
    for said in wrong[:MOST_NAMED]:
        click.echo(f"callsheet: {said}", err=True)
    if (more := len(wrong) - MOST_NAMED) > 0:
        click.echo(f"callsheet: {more:,} more could not be read.", err=True)
