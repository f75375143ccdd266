"""What goes wrong with the journal of a search, in sentences that name the file and its line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callsheet.disk import os_errors
from callsheet.disk.regular import Irregular, shown
from callsheet.errors import CallsheetError

RECORD = {"op_code", "worker_id"}  # fields of every line that Optuna writes


@contextmanager
def explained(journal: Path) -> Iterator[None]:
    """Raise `CallsheetError` in place of what a file that cannot be used makes Optuna raise."""
    try:
        yield
    except Irregular as error:
        raise CallsheetError(f"{error}. Move it away: the journal of the search belongs there.") from error
    except CallsheetError:
        raise
    except OSError as error:
        raise os_errors.explained(error, [journal.parent]) or error from error
    except Exception as error:  # reading a damaged journal ends in a KeyError, a ValueError, a TypeError, and others
        if said := damage(journal):
            raise CallsheetError(
                f"{said} Remove the line; or move the file away, and the search begins anew, while arms that are done "
                "keep their scores."
            ) from error
        raise


def damage(journal: Path) -> str:
    """A sentence on the first line that Optuna did not write; empty if there is none.

    A last line without its end does not count: whoever writes next takes it away.
    """
    with journal.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.endswith(b"\n") and not _is_record(line):
                return f"{shown(journal)}, line {number}: this is no line of Optuna's journal."
    return ""


def _is_record(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and {*record} >= RECORD
