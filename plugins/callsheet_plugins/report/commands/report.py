"""`callsheet report`: one page of runs and experiments."""

from __future__ import annotations

from pathlib import Path

import click

from callsheet.errors import CallsheetError

NAME = "report.html"
MISSING = "The report needs the package plotly: pip install 'callsheet[report]'."


@click.command(short_help="One page of runs and experiments.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN|DIR|EXPERIMENT...")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write; else report.html beside them.")
def report(paths: tuple[Path, ...], out: Path | None) -> None:
    """Write one HTML file that shows runs, folders of runs and experiments.

    \b
    callsheet report outputs/demo/demo-2026-11-20_09-30-00
    callsheet report outputs/demo --out demo.html

    The file holds all that it shows. It opens in any browser without a network, and can be sent to somebody.
    """
    _check_installed()
    from callsheet_plugins.report.gathered import gather
    from callsheet_plugins.report.page.build import html

    found = gather(paths)
    for fault in found.faults:
        click.echo(f"callsheet: {fault}", err=True)
    file = out or found.root / NAME
    write(file, html(found))
    click.echo(file)


def write(file: Path, text: str) -> None:
    """Replace `file` in one step; a link of this name is replaced, and not followed."""
    from callsheet.disk.inside import Inside

    if file.is_dir():
        raise CallsheetError(f"--out {str(file)!r} is a folder; name a file in it, such as {str(file / NAME)!r}.")
    Inside(file.parent).write(file.name, text.encode("utf-8", "replace"), durable=False)


def _check_installed() -> None:
    from importlib.util import find_spec

    if not find_spec("plotly"):
        raise CallsheetError(MISSING)
