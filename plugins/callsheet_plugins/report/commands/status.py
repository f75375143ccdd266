"""`callsheet status RUN…`: whether a run is at work, how it ended, and what command goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from callsheet.cli.named_run import a_folder, instead
from callsheet.errors import CallsheetError, counted

MOST_NAMED = 10  # paths that are no runs


@click.command(short_help="Say whether a run is alive, how it ended, and what goes on.")
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run, for programs.")
def status(runs: tuple[Path, ...], as_json: bool) -> int:
    """Say whether a run is alive, how it ended, what came of it, and what goes on; of several, a line each.

    \b
    callsheet status outputs/demo/demo-2026-11-20_09-30-00
    callsheet status outputs/*/*

    It changes nothing, also in a run that is at work. Of several, what is no run, or a damaged one, is named; the
    others are shown, and the exit code is 2.

    Of one run, a screen says what is known: its last and best metric, its scores, what it has published, sampled and
    tracked, what plugins cost, and how large and old it is.

    The state is alive, waiting (for its outbox, or for Slurm), dead (killed without a word), unknown (nobody can tell
    from this machine), or how the run ended: completed, stopped, interrupted or failed.
    """
    from callsheet.disk.os_errors import Refused, at_door
    from callsheet.distributed.slurm import JobStates
    from callsheet.rundir.rundir import RUN
    from callsheet.session.status import status_of
    from callsheet_plugins.report.glance.look import Glance, closed
    from callsheet_plugins.report.glance.single import screen

    found, wrong, jobs = [], list[CallsheetError](), JobStates()
    for run in runs:
        try:
            with at_door():
                a_folder(run)
                found.append(status_of(run.absolute(), jobs))
        except CallsheetError as error:
            if len(runs) == 1 and isinstance(error, Refused):
                raise
            if len(runs) == 1:
                raise _no_run(error, run) from error
            wrong.append(error if isinstance(error, Refused) or (run / RUN).exists() else _no_run(error, run))
    _name(wrong)
    if not found:
        raise CallsheetError(f"None of the {len(runs)} paths holds a Callsheet run.")
    if len(runs) > 1 and not as_json:
        screen.show_each(found)
    else:
        glances = [Glance.of(each.run_dir, each.state, each.why, len(found)) for each in found]
        _name(closed(glances))
        screen.show_json(found, glances) if as_json else screen.show(found[0], glances[0])
    return 0 if all(map(_is_closed, wrong)) else click.UsageError.exit_code


def _no_run(error: CallsheetError, run: Path) -> CallsheetError:
    return CallsheetError(f"{error}{instead(run)}")


def _name(wrong: Sequence[CallsheetError | str]) -> None:
    for error in wrong[:MOST_NAMED]:
        click.echo(f"callsheet: {error}", err=True)
    if (more := len(wrong) - MOST_NAMED) > 0:
        click.echo(f"callsheet: {counted(more, 'more path', form=',')} could not be shown.", err=True)


def _is_closed(error: CallsheetError) -> bool:
    """Whether this user may not read it: among several runs in a shared folder, those of others are no mistake."""
    return isinstance(error.__cause__, PermissionError)
