"""Writes the page of one run, in a process of its own: `python -m callsheet_plugins.report.publishing RUN [SECONDS]`.

With SECONDS, it is published, too, and these are waited for it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from callsheet.disk import os_errors
from callsheet.errors import CallsheetError
from callsheet.process.exit import leave_after


def main(run: Path, *seconds: str) -> None:
    from callsheet_plugins.report.gathered import gather
    from callsheet_plugins.report.page import writing
    from callsheet_plugins.report.page.build import html

    file = writing.beside(run)
    writing.write(file, html(gather([run])))
    for each in seconds:
        from callsheet_plugins.report.publishing.publish import place_for, publish

        print(publish(*place_for([run]), file, float(each)).url)


def end() -> None:
    """Do it, and end with a sentence where it cannot be done."""
    try:
        main(Path(sys.argv[1]), *sys.argv[2:3])
    except CallsheetError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(os_errors.said(error, Path(sys.argv[1])))


if __name__ == "__main__":
    leave_after(end)
