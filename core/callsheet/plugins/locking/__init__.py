"""The lock of plugins: which distributions a run may import, by the hashes of their files."""

from __future__ import annotations

from pathlib import Path

from callsheet.plugins import entry_points


def hold(path: str | None) -> None:
    """From now on, import from entry points only what the lock at `path` holds, until this is called again.

    None allows everything. Raises `CallsheetError` for a file that is no lock; what differs is said when it is to be
    imported, since what is installed need not be used.
    """
    if not path:
        entry_points.refuse({})
        return
    from callsheet.plugins.locking.lock_file import refusals  # which most runs do without

    entry_points.refuse(refusals(Path(path).expanduser()))
