"""`callsheet status RUN…`: whether a run is at work, how it ended, and what command goes on."""

from __future__ import annotations

from pathlib import Path

import click

from callsheet.cli.named_run import a_folder, instead
from callsheet.disk import os_errors
from callsheet.disk.os_errors import Refused
from callsheet.errors import CallsheetError


@click.command(short_help="Say whether a run is alive, how it ended, and what goes on.")
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run, for programs.")
def status(runs: tuple[Path, ...], as_json: bool) -> int:
    """Look at one run, or at several, which get a line each; changes nothing, also in a run that is at work.

    \b
    callsheet status outputs/demo/demo-2026-11-20_09-30-00
    callsheet status outputs/*/*

    The state is alive, waiting (for its outbox, or for Slurm), dead (killed without a word), unknown (nobody can tell
    from this machine), or how the run ended: completed, stopped, interrupted or failed.
    """
    from callsheet.cli.views import run_status
    from callsheet.distributed.slurm import JobStates
    from callsheet.rundir.rundir import RUN
    from callsheet.session.status import status_of

    found, jobs = [], JobStates()
    for run in runs:
        try:
            with os_errors.at_door():
                a_folder(run)
                found.append(status_of(run.absolute(), jobs))
        except CallsheetError as error:
            if len(runs) == 1 and isinstance(error, Refused):
                raise
            if len(runs) == 1:
                raise CallsheetError(f"{error}{instead(run)}") from error
            if (
                isinstance(error, Refused) or (run / RUN).exists()
            ):  # of several, as a shell's * finds them, some are no runs
                click.echo(f"callsheet: {error}", err=True)
    if not found:
        raise CallsheetError(f"None of the {len(runs)} paths holds a Callsheet run.")
    if as_json:
        run_status.show_json(found)
    elif len(runs) == 1:
        run_status.show(found[0])
    else:
        run_status.show_each(found)
    return 0
