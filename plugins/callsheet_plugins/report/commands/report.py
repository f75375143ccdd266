"""`callsheet report`: one page of runs and experiments."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callsheet.cli.seconds import SECONDS
from callsheet.disk.regular import shown
from callsheet.errors import CallsheetError
from callsheet.screen import in_a_line

if TYPE_CHECKING:
    from callsheet_plugins.report.publishing.places import Place

PATH = click.Path(path_type=Path, readable=False)  # what cannot be read is told with its reason, or replaced
MISSING = "The report needs the package plotly: pip install 'callsheet[report]'."
BROKEN = (
    "The package plotly cannot be imported ({}). Install it anew: pip install --force-reinstall 'callsheet[report]'"
)


@click.command(short_help="One page of runs and experiments.")
@click.argument("paths", metavar="RUN|DIR|EXPERIMENT...", nargs=-1, required=True, type=PATH)
@click.option("--out", type=PATH, help="The file to write; else report.html beside them.")
@click.option("--serve", "serves", is_flag=True, help="Show the page live, on this machine alone; Ctrl-C ends it.")
@click.option("--publish", "publishes", is_flag=True, help="Also put the page beside the run's newest revision.")
@click.option("--seconds", type=SECONDS, help="With --publish: stop waiting after so many.")
@click.option("--port", type=click.IntRange(1, 65535), help="With --serve: the port; else a free one.")
def report(
    paths: tuple[Path, ...], out: Path | None, serves: bool, publishes: bool, seconds: float | None, port: int | None
) -> int:
    """Write one HTML file that shows runs, folders of runs and experiments.

    \b
    callsheet report outputs/demo/demo-2026-11-20_09-30-00
    callsheet report outputs/demo --out demo.html

    The file holds all that it shows. It opens in any browser without a network, and can be sent to somebody. Of several
    paths, those that hold no run are named; the others are shown, and the exit code is 2.
    """
    _check_installed()
    if serves and (out or publishes):
        raise CallsheetError("--serve writes no file: --out and --publish belong to a command of their own.")
    if port and not serves:
        raise CallsheetError("--port says where --serve shows the page; add --serve.")
    if seconds is not None and not publishes:
        raise CallsheetError("--seconds says how long --publish waits; add --publish.")
    if serves:
        from callsheet_plugins.report.serving.serve import ANY, serve

        serve(paths, port or ANY)
    from callsheet_plugins.report.gathered import gather
    from callsheet_plugins.report.page import writing
    from callsheet_plugins.report.page.build import whole
    from callsheet_plugins.report.page.payload import payload

    place = None
    if publishes:
        from callsheet_plugins.report.publishing.publish import place_for

        place = place_for(paths)
    found = gather(paths)
    file = writing.wanted(out) if out else writing.beside(found.root)
    parts = payload(found)
    writing.write(file, whole(found.title, parts))
    mistakes = [part.fault for part in parts if part.fault]
    for fault in (*found.faults, *mistakes):
        click.echo(f"callsheet: {in_a_line(fault)}", err=True)
    click.echo(shown(file))
    if mistakes:
        return 1
    if place:
        return _publish(*place, file.absolute(), math.inf if seconds is None else seconds)
    return click.UsageError.exit_code if found.empty else 0


def _publish(run: Path, place: Place, page: Path, seconds: float) -> int:
    from callsheet_plugins.report.publishing.publish import publish

    sent = publish(run, place, page, seconds)
    click.echo(f"Published: {sent.url}" if sent.url else f"callsheet: {sent.left}", err=not sent.url)
    return sent.exit_code


def _check_installed() -> None:
    from importlib.util import find_spec

    if not find_spec("plotly"):
        raise CallsheetError(MISSING)
    try:
        import plotly.graph_objects  # type: ignore[import-untyped]  # plotly ships no types
        import plotly.utils  # type: ignore[import-untyped]  # noqa: F401
    except Exception as error:
        raise CallsheetError(BROKEN.format(in_a_line(f"{type(error).__name__}: {error}"))) from error
