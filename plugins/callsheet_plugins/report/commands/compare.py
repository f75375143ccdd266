"""`callsheet compare RUN…`: runs side by side, and the interval of the difference of their scores."""

from __future__ import annotations

import os
from pathlib import Path

import click

from callsheet.errors import CallsheetError, sentences

FLIPS = 5  # of two runs; of more, they would fill the screen


@click.command(short_help="Compare runs: settings that differ, metrics, scores, answers.")
@click.argument("runs", metavar="RUN RUN…", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--flips", type=click.IntRange(0), default=None, metavar="N", help="Show N answers that flipped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def compare(runs: tuple[Path, ...], flips: int | None, as_json: bool) -> int:
    """Compare two runs or more, each with the first one; of a folder or an experiment, all runs in it.

    \b
    callsheet compare outputs/demo/demo-2026-11-20_09-30-00 outputs/demo/demo-2026-11-20_10-15-00
    callsheet compare outputs/rates --flips 0

    Settings are those that differ. Of metrics, the last value and its step are shown, and the best one of an evaluation
    where that was at another step. Scores are those of the last checkpoint that was scored. Their difference is paired
    by prompt, with an interval at 95 %. It compares these two checkpoints and says nothing about the methods that made
    them: for that, train several seeds, as `callsheet experiment` does.
    A step stands behind a value where it is not the last one of the run. Of two runs, five answers that flipped are
    shown.
    """
    from callsheet.cli.named_run import a_folder
    from callsheet_plugins.report.glance.comparing import screen, sides
    from callsheet_plugins.report.glance.comparing.pairs import pairs
    from callsheet_plugins.report.glance.look import closed, look_at
    from callsheet_plugins.report.reading.discover import discover

    found = discover([a_folder(run) for run in runs])
    looked = look_at(found.runs)
    wrong = [*found.faults, *looked.left_out]
    if not all(any(one.path.is_relative_to(os.path.abspath(run)) for one in looked.glances) for run in runs):
        raise CallsheetError(sentences(*wrong))
    for said in [*wrong, *closed(looked.glances)]:
        click.echo(f"callsheet: {said}", err=True)
    if len(looked.glances) < 2:
        (only,) = looked.glances
        raise CallsheetError(f"Two runs are needed to compare, and this is one: {only.path}")
    pairs_of = [*pairs(looked.glances, sides.marks(len(looked.glances)))]
    usual = FLIPS if as_json or len(looked.glances) == 2 else 0
    (screen.show_json if as_json else screen.show)(looked.glances, pairs_of, usual if flips is None else flips)
    return 0
